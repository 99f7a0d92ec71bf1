"""Faults of a table: each with its column, its rows, and how to correct it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import shorten

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike

from disentangle.checkpoint.references import BASE
from disentangle.errors import StudyError, counted, listed
from disentangle.study.sections.observations import CHOICES, KNOWN, WEIGHTS, Reading
from disentangle.tables.collected import OBSERVATIONS
from disentangle.vocabulary.bounds import PERCENT, SHARE, Bounds
from disentangle.vocabulary.metrics import BY_NAME, is_metric, read_column
from disentangle.vocabulary.scores import STDERR, score_of

FEWEST = 5
"""Fewest final base checkpoints; no estimator gives an interval for fewer."""

SHOWN = 3

ROUNDING = 1e-12
"""Relative; much larger than the rounding error of a multiplication."""

STATUSES = ("complete", "diverged")
"""How a run can have ended."""

COUNTS = tuple(name for name, kind, _ in OBSERVATIONS.columns if kind == pa.int64())
"""Columns of whole numbers."""


def _power(unit: str) -> str:
    return f"in millions or billions? {{column: ..., times: 1.0e+6}} or 1.0e+9 makes it {unit}"


MOST = 1e18
"""Larger than any count, and within the range of the tables' integers."""

_CHOICES = {
    "params_non_embedding": Bounds(100, MOST, "a plausible number of weights", _power("weights")),
    "params_embedding": Bounds(100, MOST, "a plausible number of weights", _power("weights")),
    "tokens_budget": Bounds(1000, MOST, "a plausible number of tokens", _power("tokens")),
    "tokens": Bounds(0, MOST, "a plausible number of tokens"),
    "step": Bounds(0, MOST, "a plausible number of optimizer steps"),
    "seed": Bounds(0, MOST, "a seed, 0 or more"),
    "batch_size": Bounds(1, MOST, "a plausible number of sequences"),
    "weight_decay": Bounds(0, 10, "AdamW's decoupled weight decay"),
    "learning_rate": Bounds(1e-12, np.inf, "a learning rate"),
    "learning_rate_multiple": Bounds(1e-12, np.inf, "a multiple of a learning rate"),
    "final_lr": replace(SHARE, unit="a fraction of the peak"),
}


def refuse(faults: Sequence[str]) -> None:
    """Raise StudyError with all faults, if there are any."""
    if not faults:
        return
    raise StudyError(
        f"The observations have {counted(faults)}:\n{listed(faults)}\n"
        "docs/tables.md (observations) describes columns and units, docs/observations.md the "
        "section of the study file. Rows are counted from 1, without the header."
    )


def spelled(name: str, theirs: dict[str, str]) -> str:
    """A column's name, with its name in the file."""
    return name if theirs.get(name, name) == name else f"{name} (their {theirs[name]})"


def faults_of(found: pd.DataFrame, theirs: dict[str, str], reading: Reading) -> list[str]:
    """All faults of observations with all columns; `theirs` maps our names to the file's."""
    label = {name: spelled(name, theirs) for name in found.columns}
    measured = [name for name in found.columns if name in theirs and _is_measured(name)]
    numeric = [name for name in found.columns if found[name].dtype == np.float64]
    faults = [*_infinite(found, numeric, label), *_unknown(found, reading, label)]
    faults += [*_out_of_bounds(found, numeric, label), *_in_parts(found, label)]
    faults += [*_ended_otherwise(found, label)]
    faults += [*_repeated(found, measured), *_unsteady(found)]
    if not faults:  # these checks are meaningful only without other faults
        faults += [*_holes(found, measured, reading, label), *_too_little(found, measured, label)]
    return faults


def _is_measured(name: str) -> bool:
    return name not in KNOWN and not name.endswith(STDERR)


def _rows(mask: ArrayLike) -> str:
    """Where a mask is true: 'row 3', 'rows 1, 2, 5 and 8 more'."""
    rows = [str(row + 1) for row in np.flatnonzero(np.asarray(mask))]
    if len(rows) == 1:
        return f"row {rows[0]}"
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"rows {', '.join(rows[:SHOWN])}{more}"


def _infinite(found: pd.DataFrame, numeric: list[str], label: dict[str, str]) -> Iterator[str]:
    for name in numeric:
        if (wrong := np.isinf(found[name])).any():
            yield (
                f"{label[name]}: infinite in {_rows(wrong)}. A diverged model has no score: remove "
                "its row, or leave the cell empty and set missing: list"
            )


def _unknown(found: pd.DataFrame, reading: Reading, label: dict[str, str]) -> Iterator[str]:
    for name in ("run", "size", "params_non_embedding", *CHOICES):
        if reading.fixed.get(name, 0) is None:
            continue
        if (wrong := found[name].isna()).any():
            yield f"{label[name]}: empty in {_rows(wrong)}, but required in every row"


def _bounds(name: str) -> Bounds | None:
    if name in _CHOICES:
        return _CHOICES[name]
    if name.endswith(STDERR):
        return Bounds(0, np.inf, "a standard error")
    if is_metric(name):
        metric = BY_NAME.get(read_column(name).metric)
        return metric.bounds if metric else None
    score = score_of(name)
    return score.bounds if score else None


def _out_of_bounds(found: pd.DataFrame, numeric: list[str], label: dict[str, str]) -> Iterator[str]:
    for name in numeric:
        bounds, values = _bounds(name), found[name]
        if bounds is None:
            continue
        # rounding of the last digits is not a different unit
        slack = 1e-6 * np.abs(values)
        wrong = ((values + slack < bounds.low) | (values - slack > bounds.high)) & np.isfinite(
            values
        )
        if wrong.any():
            first = values[wrong].iloc[0]
            hint = f" ({bounds.instead})" if bounds.instead else ""
            yield f"{label[name]}: {first:g} in {_rows(wrong)} is not {bounds.unit}{hint}"
        elif bounds is PERCENT and values.max() <= 1:
            yield f"{label[name]}: no value is above 1: a share? times: 100 converts it to percent"
    if (wrong := found["tokens"] > 1.5 * found["tokens_budget"]).any():
        yield (
            f"{label['tokens']}: far more than {label['tokens_budget']} in {_rows(wrong)}: do "
            "both have the same unit?"
        )


def whole(values: pd.Series) -> pd.Series:
    """Remove the rounding error of a factor from counts: 1.1 times 1e9 exceeds 1,100,000,000.

    Values further from a whole number are not changed.
    """
    rounded = values.round()
    return rounded.where((values - rounded).abs() <= ROUNDING * values.abs(), values)


def _in_parts(found: pd.DataFrame, label: dict[str, str]) -> Iterator[str]:
    for name in COUNTS:
        values = found[name]
        if (wrong := np.isfinite(values) & (values != values.round())).any():
            first = values[wrong].iloc[0]
            yield f"{label[name]}: {first:g} in {_rows(wrong)} is not a whole number"


def _ended_otherwise(found: pd.DataFrame, label: dict[str, str]) -> Iterator[str]:
    if (wrong := ~found["status"].isin(STATUSES)).any():
        first = shorten(str(found.loc[wrong, "status"].iloc[0]), 40)
        yield f"{label['status']}: {first!r} in {_rows(wrong)} is neither {' nor '.join(STATUSES)}"


def _repeated(found: pd.DataFrame, measured: list[str]) -> Iterator[str]:
    place = found[["run", "step", "variant"]]
    if (twice := place.duplicated(keep=False)).any():
        run, step, variant = place[twice].iloc[0]
        yield (
            f"more than one row of run {run}, step {step:g}, variant {variant}: {_rows(twice)}. "
            "Each row is a checkpoint; each seed is a separate run"
        )
    # only final rows: before the first step, models of the same seed are equal
    told = found[found["final"] & (found[measured].notna().sum(axis=1) > 1)]
    models = told.groupby(measured, dropna=False)["run"].transform("nunique")
    if (models > 1).any():
        same = found.index.isin(models.index[models > 1])
        yield (
            f"{_rows(same)} have the same metrics and scores under different names: is a model "
            "listed twice?"
        )


def _unsteady(found: pd.DataFrame) -> Iterator[str]:
    of_runs = ["size", *WEIGHTS, *CHOICES, "learning_rate_multiple", "seed"]
    values = found.groupby("run")[of_runs].nunique(dropna=False)
    for name in of_runs:
        if (wrong := values[name] > 1).any():
            run = values.index[wrong][0]
            shown = ", ".join(map(str, found.loc[found["run"] == run, name].unique()[:SHOWN]))
            yield f"{name}: differs between the rows of run {run}: {shown}"


def _holes(
    found: pd.DataFrame, measured: list[str], reading: Reading, label: dict[str, str]
) -> Iterator[str]:
    if reading.missing == "list":
        return
    for name in measured:
        if (wrong := holes(found, name)).any():
            yield (
                f"{label[name]}: empty or NaN in {_rows(wrong)}. With missing: list, these are "
                "reported as missing and left out of estimates that need this column"
            )


def holes(found: pd.DataFrame, name: str) -> pd.Series:
    """Rows without a value that others of their variant and stage (end or before it) have.

    A value that no perturbed model has, or only last checkpoints have, is not missing elsewhere.
    """
    groups = found.groupby(["variant", "final"])[name]
    return found[name].isna() & (groups.transform("count") > 0)


def _too_little(found: pd.DataFrame, measured: list[str], label: dict[str, str]) -> Iterator[str]:
    ends = found[found["final"] & (found["variant"] == BASE)]
    if len(ends) < FEWEST:
        yield (
            f"{len(ends)} models have a final checkpoint of variant {BASE}, and at least "
            f"{FEWEST} are needed"
        )
        return
    for name in measured:
        if ends[name].notna().sum() < FEWEST:
            yield f"{label[name]}: known for {ends[name].notna().sum()} models, fewer than {FEWEST}"
        elif ends[name].nunique() == 1:
            yield (
                f"{label[name]}: {ends[name].dropna().iloc[0]:g} for every model, so it has no "
                f"association: leave_out: [{name}]"
            )
