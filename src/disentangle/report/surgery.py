"""Rows of the report's section on surgery: what operations did, and what recovery left of it."""

from typing import Any

import numpy as np
import pandas as pd

from disentangle.causal.by_seed import by_seed
from disentangle.report.numbers import significant
from disentangle.study.sections.surgery import OPERATED, SHAM, STAGES
from disentangle.tables.select import chief_outcome
from disentangle.tables.surgery import DIFFERENCE
from disentangle.vocabulary.scores import BITS_PER_BYTE

WORDS = {"operated": "at once", "head": "W trained on", "all": "all weights trained on"}
"""Each stage, for readers."""


def surgery(table: pd.DataFrame | None) -> dict[str, Any] | None:
    """What the section shows; None without surgery.

    Args:
        table: the surgery table.
    """
    if table is None or table.empty:
        return None
    losses = [name for name in table.columns if name.endswith(BITS_PER_BYTE.ending)]
    outcome = chief_outcome(losses)
    order = {stage: place for place, stage in enumerate((OPERATED, *STAGES))}
    groups = table.groupby(["operation", "stage"], sort=False)
    rows = [_row(str(name), str(stage), some, outcome) for (name, stage), some in groups]
    rows.sort(key=lambda row: (row["operation"] != SHAM, row["operation"], order[row["stage"]]))
    return {"outcome": outcome, "rows": rows, "steps": int(table["steps"].max())}


def _row(operation: str, stage: str, rows: pd.DataFrame, outcome: str) -> dict[str, Any]:
    """The means over runs of one operation at one stage; the interval is over seeds."""
    differences = rows.dropna(subset=[f"{outcome}{DIFFERENCE}"])
    by = differences.groupby("seed")[f"{outcome}{DIFFERENCE}"].mean().to_numpy(np.float64)
    change = "–"
    if len(by):
        found = by_seed(by, np.ones(len(by)), n=len(differences))
        change = significant(found.value, found.low, found.high)
    means = rows[
        ["effective_rank_pct", "projected_effective_rank_pct", "norm", "temperature", outcome]
    ].mean()
    return {
        "operation": operation,
        "kind": rows["kind"].iloc[0],
        "matrices": rows["matrices"].iloc[0],
        "stage": stage,
        "when": WORDS[stage],
        "n": len(rows),
        "rank": means["effective_rank_pct"],
        "projected": means["projected_effective_rank_pct"],
        "norm": means["norm"],
        "temperature": means["temperature"],
        "loss": means[outcome],
        "change": change,
    }
