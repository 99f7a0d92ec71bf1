"""The slope of the same pair among runs that nobody intervened on, for comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disentangle.causal.panel import CONTROL
from disentangle.causal.settings import PERCENT, CausalSettings
from disentangle.checkpoint.references import BASE
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.clustered import clustered_slope
from disentangle.statistics.design import cells, families, numeric_design, varying
from disentangle.statistics.estimate import Estimate
from disentangle.tables.comparable import comparable_runs

RAW = "observational"
GIVEN_CHOICES = "observational, given choices"
BETWEEN_SEEDS = "observational, between seeds"


def untouched(observations: pd.DataFrame, size: str) -> pd.DataFrame:
    """Final checkpoints of a size in which nothing was done to W, all training choices known."""
    rows = observations[observations["size"] == size]
    if "arm" in rows:
        rows = rows[rows["arm"].fillna(CONTROL) == CONTROL]
    return comparable_runs(rows, BASE)


def observational_slopes(
    observations: pd.DataFrame, size: str, outcome: str, settings: CausalSettings
) -> dict[str, Estimate]:
    """Least-squares slopes of the outcome on R/d over untouched runs, per unit of R/d.

    - `RAW`: as a scatter plot shows it; errors clustered by cell.
    - `GIVEN_CHOICES`: given the training choices that vary, each linear (in its logarithm if it is
      varied over orders of magnitude); errors clustered by cell.
    - `BETWEEN_SEEDS`: within cells, so that runs differ in their seed alone; errors robust to
      unequal variance.

    All three may be due to what rank and loss have in common. See `clustered_slope` for errors.
    """
    rows = untouched(observations, size)
    columns = [outcome, settings.exposure]
    if not set(columns) <= set(rows.columns):
        missing = Estimate.unknown("not measured")
        return dict.fromkeys((RAW, GIVEN_CHOICES, BETWEEN_SEEDS), missing)
    rows = rows.dropna(subset=columns).reset_index(drop=True)
    choices = numeric_design(rows, varying(rows)) if len(rows) else np.empty((0, 0))
    constant = np.ones((len(rows), 1))
    own = families(rows) if len(rows) else np.empty(0, dtype=np.intp)
    found = {
        RAW: _slope(rows, columns, constant, own),
        GIVEN_CHOICES: _slope(rows, columns, np.hstack([constant, choices]), own),
    }
    if choices.shape[1] == 0:
        found[GIVEN_CHOICES] = Estimate.unknown("no training choice varies", len(rows))
    cell = cells(rows) if len(rows) else own
    repeated = np.bincount(cell)[cell] > 1 if len(rows) else np.empty(0, bool)
    rows, cell = rows[repeated], cell[repeated]
    dummies = pd.get_dummies(cell).to_numpy(np.float64).reshape(len(rows), -1)
    found[BETWEEN_SEEDS] = _slope(rows, columns, dummies, np.arange(len(rows)))
    return found


def _slope(
    rows: pd.DataFrame, columns: list[str], design: Floats, clusters: NDArray[np.intp]
) -> Estimate:
    """`clustered_slope` in the outcome's unit per unit of R/d."""
    if len(rows) < 3:
        return Estimate.unknown(f"{len(rows)} runs", len(rows))
    y = rows[columns[0]].to_numpy(np.float64)
    x = rows[columns[1]].to_numpy(np.float64) / PERCENT
    found = clustered_slope(y, x, design, clusters)
    if not np.isfinite(found.value):
        return found
    unit = float(y.std() / x.std())
    scaled = {name: getattr(found, name) * unit for name in ("value", "low", "high", "se")}
    return replace(found, **scaled)
