"""The subjects of a study's jobs: its runs by cohort, its text, its perturbations, its figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from disentangle.study.cohorts import cohorts
from disentangle.study.config import StudyConfig
from disentangle.study.external import ExternalRun
from disentangle.study.findings import findings_of, neighbouring_tables
from disentangle.study.grid import expand, external_runs
from disentangle.study.perturbation import compressions, finetuned, perturbed_runs, variants
from disentangle.study.run import Run

COLLECTED = (
    *("checkpoints", "geometry", "evaluation", "passages"),
    *("observations", "missing", "anomalies"),
)
"""Tables that are collected from what was trained and measured."""

TAKEN = ("observations", "missing")
"""Those of them that a file from elsewhere replaces; it has no losses of single passages."""

ANALYZED = (
    *("associations", "regressions", "saturation", "agreement", "effects", "noise"),
    *("over_training", "claims", "claim_tests", "counterexamples"),
)
"""Tables that are estimated from the observations."""

DRAWN = ("matched_loss", "plasticity", "text_noise", "scaling")
"""Neighbouring findings that have a figure of their name."""

EXPERIMENT = (
    *("causal_arms", "arm_effects", "causal_slopes"),
    *("causal_claims", "causal_claim_tests", "causal_readings"),
)
"""Tables that are estimated from the observations of an experiment on W."""


@dataclass(frozen=True)
class Jobs:
    """Names of a study's jobs, and of the tables and figures that they produce."""

    study: StudyConfig

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Runs that are trained, by name, in the order of the study file."""
        return {run.name: run for run in expand(self.study)}

    @cached_property
    def cohorts(self) -> dict[str, tuple[Run, ...]]:
        """Runs of one size that share a job."""
        return cohorts(self.runs.values(), self.study.execution.runs_per_job)

    @cached_property
    def external(self) -> dict[str, ExternalRun]:
        """Models from elsewhere; each has its own job."""
        return {run.name: run for run in external_runs(self.study)}

    @property
    def measured(self) -> list[str]:
        """Cohorts and models from elsewhere: what is measured and evaluated."""
        return [*self.cohorts, *self.external]

    @property
    def domains(self) -> list[str]:
        """Held-out domains, sorted, so that reordering them in a study file reruns nothing."""
        return [] if self.study.observations else sorted(self.study.corpus.heldout)

    @property
    def domains_of_h(self) -> list[str]:
        """Domains on which representations are computed."""
        return sorted(set(self.study.geometry.representations.domains))

    @property
    def targets(self) -> list[str]:
        """The targets that last checkpoints are fine-tuned on."""
        return sorted(self.study.perturbation.finetune)

    @cached_property
    def late_targets(self) -> dict[str, list[str]]:
        """Cohort to the targets whose text its runs read after a late change."""
        found = {
            name: {run.hyperparameters.late.target for run in runs if run.hyperparameters.late}
            for name, runs in self.cohorts.items()
        }
        return {name: sorted(filter(None, targets)) for name, targets in found.items() if targets}

    @property
    def finetuned(self) -> Mapping[str, str]:
        """Fine-tuned variant to the held-out domain that it was fine-tuned on."""
        if self.study.observations:
            return self.study.observations.finetuned
        targets = self.study.perturbation.finetune
        return {finetuned(target): targets[target].domain for target in self.targets}

    @property
    def finetuned_domains(self) -> set[str]:
        """Domains for which half of the source is reserved for fine-tuning."""
        return {target.domain for target in self.study.perturbation.finetune.values()}

    @cached_property
    def perturbed(self) -> dict[str, list[Run]]:
        """The runs of each cohort whose last checkpoint is perturbed."""
        perturbation = self.study.perturbation
        found = {name: perturbed_runs(runs, perturbation) for name, runs in self.cohorts.items()}
        return {name: runs for name, runs in found.items() if runs}

    @property
    def compressed(self) -> dict[str, list[Run]]:
        """The runs of each cohort whose last checkpoint is truncated or pruned."""
        return self.perturbed if compressions(self.study.perturbation) else {}

    @property
    def operated(self) -> dict[str, list[Run]]:
        """The runs of each cohort whose last checkpoint is operated on."""
        return self.perturbed if self.study.perturbation.surgery else {}

    @property
    def perturbations(self) -> list[str]:
        """The rules that perturb."""
        perturbation = self.study.perturbation
        wanted = {
            "quantize": perturbation.quantize,
            "finetune": perturbation.finetune,
            "compress": compressions(perturbation),
            "operate": perturbation.surgery,
            "recover": perturbation.surgery,
        }
        return [rule for rule, settings in wanted.items() if settings]

    @property
    def experiment(self) -> bool:
        """Whether there are arms to compare."""
        return bool(self.study.sizes and self.study.design.interventions)

    @property
    def shards(self) -> list[str]:
        """Numbers of the files with the training tokens, if there are several."""
        return [str(shard) for shard in range(self.study.corpus.shards)]

    @property
    def counts(self) -> dict[str, int]:
        """The number of jobs of each rule that trains, imports, measures or evaluates."""
        return {
            "pretrain": len(self.cohorts),
            "import_checkpoint": len(self.external),
            "measure_geometry": len(self.measured),
            **dict.fromkeys(self.perturbations, len(self.perturbed)),
            "measure_surgery": len(self.operated),
            "evaluate_checkpoints": len(self.measured),
            "take_observations": int(self.study.observations is not None),
        }

    @property
    def collected(self) -> tuple[str, ...]:
        """Tables that the estimates are computed from."""
        if self.study.observations:
            return TAKEN
        return (*COLLECTED, "regime") if self.runs else COLLECTED

    @property
    def tables(self) -> list[str]:
        """Tables that the report is made of."""
        neighbouring = neighbouring_tables(self.study)
        leakage = ["leakage"] if self.runs else []
        experiment = EXPERIMENT if self.experiment else ()
        surgery = ["surgery"] if self.operated else []
        found = [*self.collected, *ANALYZED, "calibration", *leakage]
        return [*found, *neighbouring, *experiment, *surgery]

    @property
    def figures(self) -> list[str]:
        """Figures of the report, in its order."""
        findings = findings_of(self.study)
        drawn = {
            "training_curves": self.runs,
            "training_choices": self.runs,
            "rank_and_loss": True,
            "rank_over_training": True,
            "rank_and_regime": self.runs,
            "late_rises": self.runs,
            "metric_agreement": True,
            "associations": True,
            "raw_and_controlled": True,
            "perturbations": variants(self.study.perturbation),
            "layer_convergence": self.study.geometry.layers,
            **{name: name in findings for name in DRAWN},
            "compression": self.compressed and "compression" in findings,
            "dose_and_response": self.experiment,
            "causal_slopes": self.experiment,
            "rank_by_arm": self.experiment,
        }
        return [name for name, has in drawn.items() if has]
