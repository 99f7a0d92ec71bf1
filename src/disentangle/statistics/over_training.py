"""The association of a metric with a loss at each stage of training.

Early in training W is still its initialisation, and a high rank means untrained. Later it is an
average over AdamW's memory, and a high rank means something else. So the sign of an association
can turn with the number of steps over that memory.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from disentangle.statistics.design import families, trunks
from disentangle.statistics.spearman import spearman

FEWEST = 8
"""Runs of an arm below which it is not shown."""

ALL = "all runs"


def arms(finals: pd.DataFrame) -> Iterator[tuple[str, set[str]]]:
    """All runs; and, if weight decay or AdamW's beta2 vary, the runs that share a value.

    Runs share beta2 if its memory is the same number of steps; or of sequences: it is then scaled
    with the batch. Of each, the number that most batch sizes have is taken. Arms of fewer than
    `FEWEST` runs are left out.

    Args:
        finals: one row per run, with its choices.

    Yields:
        An arm's name and the names of its runs.
    """
    yield ALL, set(finals["run"])
    by_memory = {"": finals}
    if finals["beta2_steps"].nunique() > 1:
        by_memory = {
            ", beta2 fixed": _over_most_batches(finals, finals["beta2_steps"]),
            ", beta2 scaled with the batch": _over_most_batches(
                finals, finals["beta2_steps"] * finals["batch_size"]
            ),
        }
    if len(by_memory) == 1 and finals["weight_decay"].nunique() == 1:
        return
    taken: list[set[str]] = []
    for memory, rows in by_memory.items():
        for decay, members in rows.groupby("weight_decay"):
            names = set(members["run"])
            # a part of another arm is none of its own
            if FEWEST <= len(names) < len(finals) and not any(names <= arm for arm in taken):
                taken.append(names)
                yield f"weight decay {decay:g}{memory}", names


def _over_most_batches(finals: pd.DataFrame, memory: pd.Series) -> pd.DataFrame:
    """The runs whose memory has the value that occurs with the most batch sizes."""
    rounded = memory.round(6)
    return finals[rounded == finals["batch_size"].groupby(rounded).nunique().idxmax()]


def over_training(
    checkpoints: pd.DataFrame, outcome: str, metric: str, *, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Spearman's rho between a metric and a loss over runs, at equal shares of their training.

    Runs of a suite are saved at the same shares of their steps, so the i-th checkpoint of each is
    taken together. Step 0, branches of a trunk, and runs with another number of checkpoints than
    most are left out.

    Args:
        checkpoints: every checkpoint as trained, with the columns of `design.COLUMNS`, `step`,
            `beta2_steps` and `steps_over_tau`.
        outcome: a loss.
        metric: a metric.
        resamples: of the interval.
        seed: of the interval.

    Returns:
        Rows of the table over_training.
    """
    if "steps_over_tau" not in checkpoints:
        return []
    known = checkpoints[checkpoints["step"] > 0].dropna(
        subset=[outcome, metric, "steps_over_tau", "weight_decay", "beta2_steps"]
    )
    if known.empty:
        return []
    known = known[trunks(known)].sort_values(["run", "step"])
    count = known.groupby("run")["step"].transform("size")
    known = known[count == count.mode()[0]]
    known = known.assign(number=known.groupby("run").cumcount() + 1)
    known["share"] = known["step"] / known.groupby("run")["step"].transform("max")
    finals = known[known["share"] == 1]
    rows = []
    for arm, members in arms(finals):
        if len(members) < FEWEST:
            continue
        for number, at in known[known["run"].isin(members)].groupby("number"):
            x, y = (at[name].to_numpy(np.float64) for name in (metric, outcome))
            found = spearman(x, y, clusters=families(at), resamples=resamples, seed=seed)
            reached = at["steps_over_tau"].to_numpy(np.float64)
            rows.append(
                {
                    "arm": arm,
                    "metric": metric,
                    "outcome": outcome,
                    "checkpoint": number,
                    "share": float(at["share"].median()),
                    "n": found.n,
                    "steps_over_tau": float(np.exp(np.log(reached).mean()))
                    if (reached > 0).all()
                    else np.nan,
                    "rho": found.value,
                    "rho_low": found.low,
                    "rho_high": found.high,
                }
            )
    return rows
