"""The plan as a screen of text."""

import math
from typing import Any

from disentangle.planning.columns import aligned
from disentangle.planning.measuring import Measurements
from disentangle.planning.request_table import JobRequest, requests_as_text
from disentangle.planning.training import Cost


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
    rows: list[dict[str, Any]],
    costs: list[Cost],
    measurements: list[Measurements],
    jobs: dict[str, int],
    not_in_study: list[str],
    flops_per_second: float,
    requests: list[JobRequest],
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
    """
    lines = _of_training(rows, costs, flops_per_second) if rows else ["Nothing is trained."]
    lines += [
        "Jobs of the whole study: "
        + ", ".join(f"{rule} {count}" for rule, count in jobs.items() if count)
        + ". `snakemake -n` names those that are due.",
        *(_of(kind) for kind in measurements),
        "",
        "What a cluster is asked for, job by job at the first attempt:",
        *requests_as_text(requests),
        "",
    ]
    for cost in costs:
        if cost.state == "conflict":
            lines.append(
                f"CONFLICT {cost.run.name}: its folder was begun with other settings and training "
                "will refuse it. Rename the study or the size, or delete the folder."
            )
        elif cost.state == "extend":
            start = cost.missing[-1] - cost.steps_left
            since = f"the state kept at {start}" if start else "the beginning: no state was kept"
            lines.append(
                f"{cost.run.name}: further checkpoints at {', '.join(map(str, cost.missing))} cost "
                f"{cost.steps_left} of {cost.run.steps} steps, from {since}"
            )
    if not_in_study:
        lines.append(f"Not in the study any more, and kept: {', '.join(not_in_study)}")
    return "\n".join(lines)


def _of_training(
    rows: list[dict[str, Any]], costs: list[Cost], flops_per_second: float
) -> list[str]:
    heads = ["size", "runs", "done", "extend", "train", "tokens", "FLOPs", "GPU-h", "left", "disk"]
    summed = [key for key in rows[0] if key not in ("size", "measured_flops_per_second")]
    added = {key: sum(row[key] for row in rows) for key in summed}
    lines = aligned([heads, *map(_shown, rows), _shown({"size": "all", **added})])
    to_train = sum(cost.state in ("train", "extend") for cost in costs)
    return [
        *lines,
        "",
        f"GPU-hours are for {flops_per_second:.3g} operations a second on one GPU "
        "(execution.flops_per_second), added up over all GPUs. They are the operations of training "
        "and fine-tuning alone: not starting, measuring or evaluating, which of small models may "
        "take as long.",
        *_measured(rows, added["flops"]),
        f"{to_train} runs to train or extend.",
    ]


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


def _of(kind: Measurements) -> str:
    redone = f", of which {kind.redone} were finished before" if kind.redone else ""
    aside = f", {kind.quarantined} quarantined" if kind.quarantined else ""
    to_do = kind.planned - kind.done - kind.quarantined
    return f"{kind.kind}: {kind.planned} measurements{aside}, {to_do} to do{redone}"
