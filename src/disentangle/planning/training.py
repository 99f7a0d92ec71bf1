"""What training and fine-tuning the runs of a study costs, and how much of it is done."""

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
from disentangle.study.perturbation import (
    further_runs,
    perturbed_runs,
    surgery_variants,
    variants,
)
from disentangle.study.run import Run, own_flops, training_flops
from disentangle.study.sections.perturbation import Perturbation
from disentangle.training.run_folder import RunFolder

BYTES_PER_WEIGHT = 4
"""Checkpoints are stored in fp32."""

BYTES_PER_STATE = 12
"""Trainer state: weights and two moments in fp32."""

State = Literal["done", "extend", "train", "conflict"]
"""All of a run's checkpoints exist, some are missing, none exists, or the folder belongs to another
run, so that training would refuse it."""


@dataclass(frozen=True)
class Cost:
    """What one run costs in total, and how much of that is left."""

    run: Run
    state: State
    missing: tuple[int, ...]
    """Steps whose checkpoints do not exist yet."""
    steps_left: int
    """Optimizer steps to train, from the latest saved state, if any."""
    further: tuple[Run, ...] = ()
    """Its fine-tunings, and its recoveries from surgery."""
    further_left: tuple[Run, ...] = ()
    """Those of them that are not done."""
    perturbed: int = 0
    """Perturbed checkpoints that are kept."""
    measured_flops_per_second: float = math.nan
    """The speed that its training reached; NaN if it was not trained."""

    @property
    def tokens(self) -> int:
        """Training tokens of the run, without fine-tuning and what its trunk has trained."""
        return (self.run.steps - self.run.begins_at) * self.run.tokens_per_step

    @property
    def flops(self) -> float:
        """Floating-point operations of its own training, including the head; see `own_flops`."""
        return sum(own_flops(run) for run in (self.run, *self.further))

    @property
    def flops_left(self) -> float:
        """Floating-point operations of the training that is left."""
        further = sum(training_flops(run, run.steps) for run in self.further_left)
        return training_flops(self.run, self.steps_left) + further

    def disk(self, keep_states: bool) -> int:
        """Bytes of all checkpoints, and of trainer state if it is kept."""
        weights = self.run.params_non_embedding + self.run.params_embedding
        per_checkpoint = BYTES_PER_WEIGHT + (BYTES_PER_STATE if keep_states else 0)
        bytes_each = per_checkpoint * len(self.run.checkpoints) + BYTES_PER_WEIGHT * self.perturbed
        return weights * bytes_each


def cost_of(run: Run, folder: Path, perturbation: Perturbation, perturbed: Path) -> Cost:
    """Compare a run with its folder, without reading weights.

    Args:
        run: the run as the study defines it.
        folder: the run's folder, which may not exist.
        perturbation: the study's section on perturbing last checkpoints.
        perturbed: the folder of all perturbed checkpoints.
    """
    further: dict[str, Run] = {}
    kept = 0
    if perturbed_runs([run], perturbation):
        further = further_runs(run, perturbation)
        kept = len(variants(perturbation)) + len(surgery_variants(perturbation))
    left = tuple(
        done_or_not
        for variant, done_or_not in further.items()
        if not (perturbed / run.name / variant / MANIFEST).exists()
    )
    state, missing, steps_left = _progress(run, folder)
    return Cost(
        run,
        state,
        missing,
        steps_left,
        further=tuple(further.values()),
        further_left=left,
        perturbed=kept,
        measured_flops_per_second=_measured(run, folder),
    )


def _progress(run: Run, folder: Path) -> tuple[State, tuple[int, ...], int]:
    """The progress of a run: its state, its missing steps, and the steps to train for them."""
    begun_as = folder / "identity.json"
    if begun_as.exists():
        before = read_sealed(begun_as)
        # tokens and tokenizer are known only once they are made, so they are not compared here
        if any(before.get(key) != value for key, value in run.identity().items()):
            return "conflict", run.checkpoints, 0
    made = {int(path.name.removeprefix("step")) for path in folder.glob("step[0-9]*")}
    missing = tuple(step for step in run.checkpoints if step not in made)
    run_folder = RunFolder(folder)
    if not missing or run_folder.diverged_after() is not None:
        return "done", (), 0
    start = run_folder.latest_state(before=missing[0]) or 0
    trunk_ended = run.trunk is not None and (folder.parent / run.trunk / MANIFEST).exists()
    if missing[0] >= run.begins_at and not trunk_ended:
        start = max(start, run.begins_at)  # the trunk will hand its state over
    return "extend" if made else "train", missing, missing[-1] - start


def _measured(run: Run, folder: Path) -> float:
    """Floating-point operations per second that training the run reached, from its log.

    NaN if there is no log. The first step is left out because it warms up caches.
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
    """Names of run folders that are no longer in the study; nothing touches them."""
    names = {run.name for run in runs}
    begun = (path.parent.name for path in folder.glob("*/identity.json"))
    return sorted(name for name in begun if name not in names)
