"""What training the runs of a study costs, fine-tuning included, and what of it is done."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from disentangle.checkpoint.manifest import MANIFEST
from disentangle.parquet import read_parquet
from disentangle.storage import read_sealed
from disentangle.study.perturbation import finetuned, finetuning_run, perturbed_runs, variants
from disentangle.study.run import Run, training_flops
from disentangle.study.sections.perturbation import Perturbation
from disentangle.training.run_folder import RunFolder

BYTES_PER_WEIGHT = 4
"""Checkpoints are stored in fp32."""

BYTES_PER_STATE = 12
"""Trainer state: weights and two moments in fp32."""

State = Literal["done", "extend", "train", "conflict"]
"""A run's checkpoints are all there; some are missing; none is there; or its folder is of another
run, and training would refuse it."""


@dataclass(frozen=True)
class Cost:
    """What one run costs in all, and what is left of that."""

    run: Run
    state: State
    missing: tuple[int, ...]
    """Steps whose checkpoints are still to be made."""
    steps_left: int
    """Optimizer steps to train, from the latest saved state, if any."""
    further: tuple[Run, ...] = ()
    """Its fine-tunings."""
    further_left: tuple[Run, ...] = ()
    """Those that are not done."""
    perturbed: int = 0
    """Perturbed checkpoints that are kept."""
    measured_flops_per_second: float = math.nan
    """What training it reached, where it was trained."""

    @property
    def tokens(self) -> int:
        """Training tokens of the whole run, fine-tuning left out."""
        return self.run.steps * self.run.tokens_per_step

    @property
    def flops(self) -> float:
        """Operations of the whole run; head counted, see `training_flops`."""
        return sum(training_flops(run, run.steps) for run in (self.run, *self.further))

    @property
    def flops_left(self) -> float:
        """Operations of what is left to train."""
        further = sum(training_flops(run, run.steps) for run in self.further_left)
        return training_flops(self.run, self.steps_left) + further

    def disk(self, keep_states: bool) -> int:
        """Bytes of all checkpoints, and of trainer state where it is kept."""
        weights = self.run.params_non_embedding + self.run.params_embedding
        per_checkpoint = BYTES_PER_WEIGHT + (BYTES_PER_STATE if keep_states else 0)
        bytes_each = per_checkpoint * len(self.run.checkpoints) + BYTES_PER_WEIGHT * self.perturbed
        return weights * bytes_each


def cost_of(run: Run, folder: Path, perturbation: Perturbation, perturbed: Path) -> Cost:
    """Compare a run with its folder, without reading weights.

    Args:
        run: as the study has it.
        folder: the run's folder, which may not be there.
        perturbation: what is done to its last checkpoint, if anything is.
        perturbed: the folder of all perturbed checkpoints.
    """
    further: tuple[Run, ...] = ()
    kept = 0
    if perturbed_runs([run], perturbation):
        targets = perturbation.finetune
        further = tuple(finetuning_run(run, target, perturbation) for target in targets)
        kept = len(variants(perturbation))
    left = tuple(
        done_or_not
        for target, done_or_not in zip(perturbation.finetune, further, strict=False)
        if not (perturbed / run.name / finetuned(target) / MANIFEST).exists()
    )
    state, missing, steps_left = _progress(run, folder)
    return Cost(
        run,
        state,
        missing,
        steps_left,
        further=further,
        further_left=left,
        perturbed=kept,
        measured_flops_per_second=_measured(run, folder),
    )


def _progress(run: Run, folder: Path) -> tuple[State, tuple[int, ...], int]:
    """How far a run is: its state, missing steps, and steps to train for them."""
    begun_as = folder / "identity.json"
    if begun_as.exists():
        before = read_sealed(begun_as)
        # tokens and tokenizer are known once they are made, so they are not compared here
        if any(before.get(key) != value for key, value in run.identity().items()):
            return "conflict", run.checkpoints, 0
    made = {int(path.name.removeprefix("step")) for path in folder.glob("step[0-9]*")}
    missing = tuple(step for step in run.checkpoints if step not in made)
    run_folder = RunFolder(folder)
    if not missing or run_folder.diverged_after() is not None:
        return "done", (), 0
    start = run_folder.latest_state(before=missing[0]) or 0
    return "extend" if made else "train", missing, missing[-1] - start


def _measured(run: Run, folder: Path) -> float:
    """Operations a second that training the run reached, by its log; NaN where there is none.

    The first step is left out: it warms caches up.
    """
    log = folder / "training.parquet"
    if not log.exists():
        return math.nan
    seconds = read_parquet(log, columns=["seconds"]).column(0).to_numpy()[1:]
    return training_flops(run, len(seconds)) / seconds.sum() if len(seconds) else math.nan


def plan_rows(
    costs: Iterable[Cost], *, flops_per_second: float, keep_states: bool
) -> list[dict[str, Any]]:
    """One row per size: runs by state, tokens, operations, GPU-hours, disk."""
    by_size: dict[str, list[Cost]] = {}
    for cost in costs:
        by_size.setdefault(cost.run.size.name, []).append(cost)
    rows = []
    for size, members in by_size.items():
        states = Counter(cost.state for cost in members)
        flops, left = (sum(getattr(c, what) for c in members) for what in ("flops", "flops_left"))
        measured = [c.measured_flops_per_second for c in members]
        reached = [speed for speed in measured if not math.isnan(speed)]
        rows.append(
            {
                "size": size,
                "params_non_embedding": members[0].run.params_non_embedding,
                "params_embedding": members[0].run.params_embedding,
                "runs": len(members),
                "runs_done": states["done"],
                "runs_to_extend": states["extend"],
                "runs_to_train": states["train"],
                "runs_in_conflict": states["conflict"],
                "checkpoints": sum(len(cost.run.checkpoints) for cost in members),
                "checkpoints_missing": sum(len(cost.missing) for cost in members),
                "tokens": sum(cost.tokens for cost in members),
                "flops": flops,
                "gpu_hours": flops / flops_per_second / 3600,
                "gpu_hours_left": left / flops_per_second / 3600,
                "measured_flops_per_second": median(reached) if reached else math.nan,
                "disk_bytes": sum(cost.disk(keep_states) for cost in members),
            }
        )
    return rows


def strangers(runs: Iterable[Run], folder: Path) -> list[str]:
    """Names of run folders that the study does not have any more; nothing touches them."""
    names = {run.name for run in runs}
    begun = (path.parent.name for path in folder.glob("*/identity.json"))
    return sorted(name for name in begun if name not in names)
