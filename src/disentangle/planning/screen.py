"""The plan as a screen of text."""

import math
from collections.abc import Sequence
from typing import Any

from disentangle.planning.columns import WIDTH, table_lines, wrapped
from disentangle.planning.measuring import Measurements
from disentangle.planning.request_table import JobRequest, requests_as_text
from disentangle.planning.training import Cost

OF_TRAINING = (
    *("size", "runs", "done", "extend", "train"),
    *("tokens", "FLOPs", "GPU-h", "left", "disk"),
)
OF_MEASUREMENTS = ("measurements", "all", "done", "quarantined", "to do", "once finished")
"""The last: those to do that were finished before, under other settings, text or code."""

ASKED = "What a cluster is asked for, job by job at the first attempt:"


def _shown(row: dict[str, Any]) -> list[str]:
    counts = ("runs", "runs_done", "runs_to_extend", "runs_to_train")
    return [
        row["size"],
        *(str(row[count]) for count in counts),
        _amount(row["tokens"], ("", "K", "M", "B", "T")),
        f"{row['flops']:.2g}",
        f"{row['gpu_hours']:.3g}",
        f"{row['gpu_hours_left']:.3g}",
        _amount(row["disk_bytes"], (" B", " KB", " MB", " GB", " TB")),
    ]


def _amount(number: float, units: Sequence[str]) -> str:
    """A number in the largest of some units, each a thousand of the one before."""
    power = min(len(units) - 1, int(math.log10(number) // 3)) if number >= 1 else 0
    return f"{number / 1000**power:.3g}{units[power]}"


def as_text(
    rows: list[dict[str, Any]],
    costs: list[Cost],
    measurements: list[Measurements],
    jobs: dict[str, int],
    not_in_study: list[str],
    flops_per_second: float,
    requests: list[JobRequest],
    width: int | None = WIDTH,
) -> str:
    """The plan as text.

    Args:
        rows: rows of the plan table.
        costs: costs of the runs.
        measurements: measurements by kind.
        jobs: number of jobs in the whole study by rule.
        not_in_study: run folders that are no longer in the study.
        flops_per_second: speed used to estimate GPU-hours.
        requests: what the jobs of the whole study request from a cluster.
        width: of the screen; see `table_lines`.
    """
    lines = _of_training(rows, costs, flops_per_second, width) if rows else ["Nothing is trained."]
    counted = [(rule, str(count)) for rule, count in jobs.items() if count]
    lines += ["", *table_lines(("jobs of the whole study", "count"), counted, width=width)]
    lines += ["", *wrapped(["`snakemake -n` names those that are due."], width)]
    if measurements:
        lines += ["", *table_lines(OF_MEASUREMENTS, map(_of, measurements), width=width)]
    if requests:
        lines += ["", *wrapped([ASKED], width), "", *requests_as_text(requests, width)]
    told = [*filter(None, map(_told, costs))]
    if not_in_study:
        told.append(f"Not in the study any more, and kept: {', '.join(not_in_study)}")
    return "\n".join([*lines, *([""] if told else []), *wrapped(told, width)])


def _told(cost: Cost) -> str:
    """What is to be known of a run whose folder is not as the study has it."""
    if cost.state == "conflict":
        return (
            f"CONFLICT {cost.run.name}: its folder was begun with other settings and training "
            "will refuse it. Rename the study or the size, or delete the folder."
        )
    if cost.state == "extend":
        start = cost.missing[-1] - cost.steps_left
        since = f"the state kept at {start}" if start else "the beginning: no state was kept"
        return (
            f"{cost.run.name}: further checkpoints at {', '.join(map(str, cost.missing))} cost "
            f"{cost.steps_left} of {cost.run.steps} steps, from {since}"
        )
    return ""


def _of_training(
    rows: list[dict[str, Any]], costs: list[Cost], flops_per_second: float, width: int | None
) -> list[str]:
    summed = [key for key in rows[0] if key not in ("size", "measured_flops_per_second")]
    added = {key: sum(row[key] for row in rows) for key in summed}
    to_train = sum(cost.state in ("train", "extend") for cost in costs)
    notes = [
        f"GPU-hours are for {flops_per_second:.3g} operations a second on one GPU "
        "(execution.flops_per_second), added up over all GPUs. They are the operations of training "
        "and fine-tuning alone: not starting, measuring or evaluating, which of small models may "
        "take as long.",
        *_measured(rows, added["flops"]),
        f"{to_train} runs to train or extend.",
    ]
    shown = [*map(_shown, rows), _shown({"size": "all", **added})]
    return [*table_lines(OF_TRAINING, shown, width=width), "", *wrapped(notes, width)]


def _measured(rows: list[dict[str, Any]], flops: float) -> list[str]:
    """The cost at the speed that the sizes trained here reached."""
    known = [row for row in rows if not math.isnan(row["measured_flops_per_second"])]
    if not known:
        return []
    hours = sum(row["flops"] / row["measured_flops_per_second"] / 3600 for row in known)
    covered = sum(row["flops"] for row in known) / flops
    return [
        f"At the speed that training had here, {covered:.0%} of these operations are "
        f"{hours:.3g} hours on one device."
    ]


def _of(kind: Measurements) -> tuple[str, ...]:
    to_do = kind.planned - kind.done - kind.quarantined
    counts = (kind.planned, kind.done, kind.quarantined, to_do, kind.redone)
    return (kind.kind, *map(str, counts))
