"""What a study will cost before it runs, and what of it is done already."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from disentangle.storage import read_json
from disentangle.study.design import Run, training_flops
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

    @property
    def tokens(self) -> int:
        """Training tokens of the whole run."""
        return self.run.steps * self.run.tokens_per_step

    @property
    def flops(self) -> float:
        """Operations of the whole run; head counted, see `training_flops`."""
        return training_flops(self.run, self.run.steps)

    @property
    def flops_left(self) -> float:
        """Operations of what is left to train."""
        return training_flops(self.run, self.steps_left)

    def disk(self, keep_states: bool) -> int:
        """Bytes of all checkpoints, and of trainer state where it is kept."""
        weights = self.run.params_non_embedding + self.run.params_embedding
        per_checkpoint = BYTES_PER_WEIGHT + (BYTES_PER_STATE if keep_states else 0)
        return weights * per_checkpoint * len(self.run.checkpoints)


def cost_of(run: Run, folder: Path) -> Cost:
    """Compare a run with its folder, without reading weights.

    Args:
        run: as the study has it.
        folder: the run's folder, which may not be there.
    """
    begun_as = folder / "identity.json"
    if begun_as.exists():
        before = read_json(begun_as)
        # tokens and tokenizer are known once they are made, so they are not compared here
        if any(before.get(key) != value for key, value in run.identity().items()):
            return Cost(run, "conflict", run.checkpoints, 0)
    made = {int(path.name.removeprefix("step")) for path in folder.glob("step[0-9]*")}
    missing = tuple(step for step in run.checkpoints if step not in made)
    run_folder = RunFolder(folder)
    if not missing or run_folder.diverged_after() is not None:
        return Cost(run, "done", (), 0)
    start = run_folder.latest_state(before=missing[0]) or 0
    return Cost(run, "extend" if made else "train", missing, missing[-1] - start)


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
                "disk_bytes": sum(cost.disk(keep_states) for cost in members),
            }
        )
    return rows


def strangers(runs: Iterable[Run], folder: Path) -> list[str]:
    """Names of run folders that the study does not have any more; nothing touches them."""
    names = {run.name for run in runs}
    begun = (path.parent.name for path in folder.glob("*/identity.json"))
    return sorted(name for name in begun if name not in names)


def _shown(row: dict[str, Any]) -> list[str]:
    counts = ("runs", "runs_done", "runs_to_extend", "runs_to_train")
    return [
        row["size"],
        *(str(row[count]) for count in counts),
        f"{row['tokens'] / 1e9:.4g}B",
        f"{row['flops']:.3g}",
        f"{row['gpu_hours']:.4g}",
        f"{row['gpu_hours_left']:.4g}",
        f"{row['disk_bytes'] / 1e9:.3g} GB",
    ]


def as_text(
    rows: list[dict[str, Any]], costs: list[Cost], not_in_study: list[str], flops_per_second: float
) -> str:
    """The plan as a screen of text."""
    heads = ["size", "runs", "done", "extend", "train", "tokens", "FLOPs", "GPU-h", "left", "disk"]
    added = {key: sum(row[key] for row in rows) for key in rows[0] if key != "size"}
    table = [heads, *map(_shown, rows), _shown({"size": "all", **added})]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in table
    ]
    to_train = sum(cost.state in ("train", "extend") for cost in costs)
    lines += [
        "",
        f"{to_train} runs to train or extend, each a job of pretrain, measure_geometry and "
        "evaluate_checkpoints. `snakemake -n` names every job.",
        f"GPU-hours are for {flops_per_second:.3g} operations a second on one GPU "
        "(execution.flops_per_second); training only, which is nearly all.",
    ]
    for cost in costs:
        if cost.state == "conflict":
            lines.append(
                f"CONFLICT {cost.run.name}: its folder was begun with other settings and training "
                "will refuse it. Rename the study or the size, or delete the folder."
            )
        elif cost.state == "extend":
            lines.append(
                f"{cost.run.name}: {len(cost.missing)} further checkpoints cost "
                f"{cost.steps_left} of {cost.run.steps} steps"
            )
    if not_in_study:
        lines.append(f"Not in the study any more, and kept: {', '.join(not_in_study)}")
    return "\n".join(lines)
