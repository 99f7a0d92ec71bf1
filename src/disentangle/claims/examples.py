"""Claims that something exists: the runs that show it, by name."""

import numpy as np
import pandas as pd

from disentangle.claims.rule import Estimate
from disentangle.statistics.design import cells

TOP = 0.75
"""Rank is high above this quantile of the suite, and low below what is left of one."""

SHOWN = 3


def _count(names: list[str], undecided: int, n: int, note: str) -> Estimate:
    """How many there are: no fewer than were found, no more than with the undecided ones."""
    found = len(names)
    shown = ", ".join(names[:SHOWN]) + (", ..." if found > SHOWN else "")
    return Estimate(found, found, found + undecided, n, f"{note}: {shown}" if names else note)


def seed_noise(runs: pd.DataFrame, column: str) -> float:
    """Standard deviation within cells: what another seed changes. NaN where nothing is repeated."""
    groups = runs.groupby(cells(runs))[column]
    df = len(runs) - groups.ngroups
    squares = float(((runs[column] - groups.transform("mean")) ** 2).sum())
    return float(np.sqrt(squares / df)) if df else float("nan")


def high_rank_high_loss(runs: pd.DataFrame, outcome: str, metric: str) -> Estimate:
    """Runs in the upper quarter of rank whose loss is above the median by more than luck.

    More than luck: by twice the standard deviation that another seed makes, where seeds are
    repeated.
    """
    rows = runs.dropna(subset=[outcome, metric])
    if len(rows) < 4:
        return Estimate.unknown(f"{len(rows)} runs", len(rows))
    noise = seed_noise(rows, outcome)
    margin = 2 * noise if np.isfinite(noise) else 0.0
    high = rows[rows[metric] >= rows[metric].quantile(TOP)]
    worse = high[high[outcome] > rows[outcome].median() + margin]
    names = worse.sort_values(outcome, ascending=False)["run"].tolist()
    return _count(names, 0, len(rows), f"of {len(high)} with high rank")


def low_rank_sound(
    runs: pd.DataFrame, saturation: pd.DataFrame, outcome: str, metric: str
) -> Estimate:
    """Runs in the lower quarter of rank that were judged not to degrade late."""
    verdicts = saturation.loc[saturation["outcome"] == outcome, ["run", "verdict"]]
    rows = runs.dropna(subset=[metric]).merge(verdicts, on="run")
    if len(rows) < 4:
        return Estimate.unknown(f"{len(rows)} runs were judged", len(rows))
    low = rows[rows[metric] <= rows[metric].quantile(1 - TOP)].sort_values(metric)
    names = low.loc[low["verdict"] == "not saturated", "run"].tolist()
    undecided = int((low["verdict"] == "undecided").sum())
    return _count(names, undecided, len(rows), f"of {len(low)} with low rank")
