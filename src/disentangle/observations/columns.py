"""Map a table's columns to ours, and read values as numbers, text or booleans."""

from difflib import get_close_matches

import numpy as np
import pandas as pd

from disentangle.observations.faults import refuse
from disentangle.study.sections.observations import CHOICES, KNOWN, WORKED_OUT, Column, Reading
from disentangle.vocabulary.metrics import is_metric
from disentangle.vocabulary.scores import LOSSES, STDERR

RECOGNISED = tuple(loss.ending for loss in LOSSES)
"""Endings of scores that are recognised without being listed."""

TRUTH = {"true": True, "false": False, "1": True, "0": False}


def sources_of(table: pd.DataFrame, reading: Reading, also: tuple[str, ...]) -> dict[str, Column]:
    """Our names to the table's columns.

    Raises:
        StudyError: if a named column does not exist, or a required one is missing.
    """
    there = [str(name) for name in table.columns]
    found = dict(reading.columns)
    faults = []
    for name, wanted in reading.columns.items():
        if wanted.column not in there:
            near = get_close_matches(wanted.column, there, 1) or [", ".join(there[:12])]
            faults.append(
                f"columns.{name}: there is no column {wanted.column!r}; the table has {near[0]}"
            )
    taken = {column.column for column in reading.columns.values()}
    for name in there:
        if name not in found and name not in taken and _is_ours(name, also):
            found[name] = Column(column=name)
    for name in reading.leave_out:
        if name not in found:
            faults.append(f"leave_out: column {name!r} is not used anyway")
        found.pop(name, None)
    if "run" not in found:
        faults.append("columns.run is missing: which column names the model?")
    if "params_non_embedding" not in found:
        faults.append(
            "columns.params_non_embedding is missing: which column has the number of weights "
            "without embeddings? It is needed because geometry and performance both depend on size"
        )
    said = {*found, *reading.fixed}
    if "learning_rate_multiple" in said:
        said.add("learning_rate")
    faults += [
        f"columns.{name} is missing: which column is it? If it is the same for all rows: "
        f"fixed: {{{name}: VALUE}}; if it is not known: fixed: {{{name}: null}}"
        for name in CHOICES
        if name not in said
    ]
    if not any(map(is_metric, found)):
        faults.append("columns: no metric: map one to W_<metric> or H_<metric>")
    if not any(name.endswith(RECOGNISED) or name in also for name in found):
        faults.append(
            "columns: no outcome: map one to <domain>_bits_per_byte or <domain>_loss, or name your "
            "own under statistics.outcomes"
        )
    refuse(faults)
    return found


def _is_ours(name: str, also: tuple[str, ...]) -> bool:
    if name in WORKED_OUT:
        return False
    score = name.removesuffix(STDERR)
    recognised = score.endswith(RECOGNISED) or score in also
    return name in KNOWN or is_metric(name) or recognised


def words(values: pd.Series) -> pd.Series:
    """Values as stripped text; missing values stay missing."""
    return values.map(lambda value: str(value).strip(), na_action="ignore")


def numbers(values: pd.Series, label: str) -> tuple[pd.Series, list[str]]:
    """Values as numbers, and faults for values that are none; 'nan' is a missing value."""
    found = pd.to_numeric(values, errors="coerce").astype(np.float64)
    spelled = [str(value).strip().lower() for value in values]
    wrong = [
        row
        for row in np.flatnonzero(found.isna() & values.notna())
        if spelled[row] not in ("", "nan")
    ]
    if not wrong:
        return found, []
    shown = ", ".join(f"{values.iloc[row]!r} in row {row + 1}" for row in wrong[:3])
    return found, [f"{label}: {shown} is not a number"]


def truth_values(values: pd.Series, label: str) -> tuple[pd.Series, list[str]]:
    """Values as booleans, and a fault for a value that is neither true nor false."""
    found = [TRUTH.get(str(value).strip().lower()) for value in values]
    if None in found:
        row = found.index(None)
        value = values.iloc[row]
        return values, [f"{label}: {value!r} in row {row + 1} is neither true nor false"]
    return pd.Series(found, dtype=bool), []
