"""The data of the page's interactive figures: runs, their choices, and every checkpoint."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.figures.rank_and_loss import HYPERPARAMETERS
from disentangle.tables.headline import headline_metrics, loss_domains
from disentangle.tables.select import chief_metric, chief_outcome
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label

DIGITS = 5
"""Significant digits of the numbers on the page."""

MOST_NUMBERS = 400_000
"""Beyond it only headline metrics are shown, and then only last checkpoints: a page of some MB."""

CHOICES = {**HYPERPARAMETERS, "arm": "arm"}
"""Columns that runs can be coloured by, and their names."""


def explorer_data(
    observations: pd.DataFrame, metrics: list[str], outcomes: list[str]
) -> dict[str, Any] | None:
    """The interactive figures' data; None without a model that has a metric and an outcome.

    Args:
        observations: the observations table.
        metrics: columns of metrics that the associations have.
        outcomes: columns of outcomes that they have.

    Returns:
        `runs` (name and choices), `points` (columns by name, one entry per checkpoint, sorted by
        run and step; `run` is an index of `runs`), names and labels of `metrics`, `outcomes` and
        `choices`, and which `metric` and `outcome` come first.
    """
    rows = observations[observations["variant"] == BASE].sort_values(["run", "step"])
    # as in the figures: a multiple, since a default may differ between sizes
    rows = rows.assign(learning_rate=rows["learning_rate_multiple"])
    rows = rows.dropna(subset=outcomes, how="all").dropna(subset=metrics, how="all")
    if rows.empty or not metrics or not outcomes:
        return None
    if len(rows) * (len(metrics) + len(outcomes)) > MOST_NUMBERS:
        metrics = headline_metrics(metrics, loss_domains(outcomes))
    if len(rows) * (len(metrics) + len(outcomes)) > MOST_NUMBERS:
        rows = rows[rows["final"]]
    runs = rows.drop_duplicates("run", keep="last").reset_index(drop=True)
    choices = {
        name: label
        for name, label in CHOICES.items()
        if name in runs and runs[name].nunique(dropna=False) > 1
    }
    index = {run: place for place, run in enumerate(runs["run"])}
    points: dict[str, list[Any]] = {
        "run": [index[run] for run in rows["run"]],
        "step": _values(rows["step"]),
        "tokens": _values(rows["tokens"]),
        "share": _values(_share_of_training(rows)),
    }
    points |= {name: _values(rows[name]) for name in [*metrics, *outcomes]}
    return {
        "runs": [
            {"name": name, **dict(zip(choices, values, strict=True))}
            for name, *values in zip(
                runs["run"], *(_values(runs[name]) for name in choices), strict=True
            )
        ],
        "points": points,
        "metrics": {name: metric_label(name) for name in metrics},
        "outcomes": {name: outcome_label(name) for name in outcomes},
        "choices": choices,
        "metric": chief_metric(metrics),
        "outcome": chief_outcome(outcomes),
    }


def _share_of_training(rows: pd.DataFrame) -> pd.Series:
    """Step over the run's last step; 1 for a model with a single checkpoint."""
    last = rows.groupby("run")["step"].transform("max")
    return (rows["step"] / last.where(last > 0)).fillna(1.0)


def _values(column: pd.Series) -> list[float | int | None]:
    return [_value(value) for value in column]


def _value(value: Any) -> Any:
    """A value for JSON: floats in a few digits, and null for what is missing."""
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, float | np.floating):
        short = float(f"{value:.{DIGITS}g}")
        return int(short) if short.is_integer() else short
    return int(value) if isinstance(value, np.integer) else value


def as_script(data: dict[str, Any]) -> str:
    """JSON that may stand in a script element: no name of a run can end it."""
    compact = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        compact = compact.replace(sign, f"\\u{ord(sign):04x}")
    return compact
