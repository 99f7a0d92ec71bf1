"""The paths of everything in the folder of a study's results."""

from dataclasses import dataclass
from pathlib import Path

from disentangle.study.run import Run

COHORT = "{cohort}"
"""Snakemake's wildcard, to be replaced by the name of a cohort."""

KIND_OF = {
    "quantize": "quantized",
    "finetune": "finetuned",
    "compress": "compressed",
    "operate": "operated",
    "recover": "recovered",
}
"""Rule that perturbs, to the kind of its checkpoints."""

KINDS = tuple(KIND_OF.values())
"""Kinds of perturbed checkpoints."""


@dataclass(frozen=True)
class StudyFolder:
    """The paths of `results/<study>/`. Names may be Snakemake's wildcards."""

    path: Path

    @classmethod
    def of(cls, study: str) -> "StudyFolder":
        """The folder of a study, relative to where the workflow runs."""
        return cls(Path("results") / study)

    @classmethod
    def of_spec(cls, spec: str | Path) -> "StudyFolder":
        """The folder that a job's spec is in."""
        return cls(Path(spec).parents[2])

    def spec(self, rule: str, job: str) -> Path:
        """The spec of a job: what it is to do."""
        return self.path / "specs" / rule / f"{job}.json"

    def log(self, rule: str, job: str = "") -> Path:
        """A job's log; its record is beside it."""
        return self.logs / rule / f"{job}.log" if job else self.logs / f"{rule}.log"

    @property
    def logs(self) -> Path:
        """Logs and records of all jobs."""
        return self.path / "logs"

    # text

    @property
    def hub(self) -> Path:
        """The record of what was taken from the hub, by revision."""
        return self.path / "hub.json"

    @property
    def documents(self) -> Path:
        """The training text."""
        return self.path / "corpus" / "train.parquet"

    def heldout(self, domain: str) -> Path:
        """The passages of a held-out domain."""
        return self.path / "corpus" / "heldout" / f"{domain}.parquet"

    def target_documents(self, target: str) -> Path:
        """The text that a fine-tuning target is trained on."""
        return self.path / "corpus" / "targets" / f"{target}.parquet"

    def overlap(self, shard: str) -> Path:
        """Held-out text that occurs in a shard."""
        return self.path / "corpus" / "overlap" / f"{shard}.npy"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer; its configuration is beside it."""
        return self.path / "tokenizer" / "tokenizer.json"

    @property
    def tokenizer_config(self) -> Path:
        """The tokenizer's configuration."""
        return self.path / "tokenizer" / "tokenizer_config.json"

    def tokens(self, name: str = "train") -> Path:
        """Token ids of the training text, of a shard of it, or of a target (`targets/<name>`)."""
        return self.path / "tokens" / f"{name}.bin"

    def late_tokens(self, run: Run) -> Path | None:
        """Token ids that a run reads after its late change, if that changes the text."""
        late = run.hyperparameters.late
        return self.tokens(f"targets/{late.target}") if late and late.target else None

    def tokens_manifest(self, name: str = "manifest") -> Path:
        """The manifest of the token files of the training text, of a shard or of a target."""
        return self.path / "tokens" / f"{name}.json"

    # models

    @property
    def checkpoints(self) -> Path:
        """Holds one folder per run; see `training.run_folder`."""
        return self.path / "checkpoints"

    @property
    def perturbed(self) -> Path:
        """Holds one folder per run, each with one folder per variant."""
        return self.path / "perturbed"

    def trained(self, cohort: str = COHORT) -> Path:
        """The file that represents the checkpoints of a cohort."""
        return self.path / "trained" / f"{cohort}.json"

    def perturbation(self, kind: str, cohort: str = COHORT) -> Path:
        """The file that represents a cohort's perturbed checkpoints of a kind."""
        return self.path / kind / f"{cohort}.json"

    # measurements

    def measured(self, stage: str, cohort: str = COHORT) -> Path:
        """The rows of a stage for a cohort: geometry, evaluation, compression, surgery, ..."""
        return self.path / stage / f"{cohort}.parquet"

    def quarantined(self, stage: str, cohort: str = COHORT) -> Path:
        """The checkpoints and tasks of a cohort that could not be measured."""
        return self.path / stage / f"{cohort}.quarantined.json"

    def cache(self, stage: str) -> Path:
        """Finished measurements of a stage: those that `measured` has, or calibration."""
        return self.path / "cache" / stage

    # results

    def table(self, name: str) -> Path:
        """A table."""
        return self.path / "tables" / f"{name}.parquet"

    def figure(self, name: str, kind: str) -> Path:
        """A figure, as `svg` or `pdf`."""
        return self.path / "figures" / f"{name}.{kind}"

    @property
    def source(self) -> Path:
        """The file that the table of observations was read from, if others made it."""
        return self.path / "source.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def archive(self) -> Path:
        """The study as a single file; its checksum is beside it."""
        return self.path / "archive" / f"{self.path.name}.crate.zip"


def matching(pattern: Path) -> list[Path]:
    """The existing files that match a path with `*` in its name, in order."""
    return sorted(pattern.parent.glob(pattern.name))
