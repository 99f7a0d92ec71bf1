"""Record which columns of a table were used, and which values are missing."""

from typing import Any

import pandas as pd

from disentangle.observations.faults import holes
from disentangle.study.sections.observations import CHOICES, KNOWN, Reading
from disentangle.tables.collected import OBSERVATIONS


def record(table: pd.DataFrame, observations: pd.DataFrame, reading: Reading) -> dict[str, Any]:
    """Used and unused columns and unknown training choices, as plain data."""
    theirs = {name: column.column for name, column in reading.columns.items()}
    taken = {theirs.get(name, name) for name in observations.columns}
    return {
        "rows": len(table),
        "models": int(observations["run"].nunique()),
        "columns": {name: column.model_dump() for name, column in sorted(reading.columns.items())},
        "not_taken": sorted(str(name) for name in table.columns if name not in taken),
        "the_same_for_all": {k: v for k, v in sorted(reading.fixed.items()) if v is not None},
        "not_known": [name for name in CHOICES if observations[name].isna().all()],
    }


def absent(observations: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the missing table: metrics and scores that other models have, run by run."""
    described = {*KNOWN, *(name for name, *_ in OBSERVATIONS.columns)}
    rows = []
    for name in observations.columns:
        if name in described or name.endswith(("_stderr", "_change")):
            continue
        for _, row in observations[holes(observations, name)].iterrows():
            rows.append(
                {
                    "run": row["run"],
                    "step": int(row["step"]),
                    "stage": name,
                    "state": "not there",
                    "reason": "not in the table",
                }
            )
    return rows
