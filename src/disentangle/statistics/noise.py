"""The noise floor: variance between seeds compared with variance between cells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import f as fisher
from scipy.stats import norm

from disentangle.statistics.bootstrap import CONFIDENCE, Floats
from disentangle.statistics.design import cells
from disentangle.tables.passages import NO_PASSAGES, Passages, Place, places


def noise_floor(
    runs: pd.DataFrame, column: str, passages: Passages = NO_PASSAGES
) -> dict[str, Any]:
    """One-way random effects: value = cell + seed. A row of the noise table.

    With a cells, N runs, n_i of them in cell i: MSW = sum (x - cell mean)^2 / (N - a), MSB = sum
    n_i (cell mean - mean)^2 / (a - 1), n0 = (N - sum n_i^2 / N) / (a - 1). The variance of seeds is
    MSW, that of cells max(0, (MSB - MSW) / n0), and the intraclass correlation their share (Searle,
    Casella & McCulloch 1992, ch. 3). Its 95 % interval is (F / F* - 1) / (F / F* - 1 + h) with h
    the harmonic mean of the n_i, F = h var(cell means) / MSW and F* the 97.5 and 2.5 % points of
    F(a - 1, N - a). It is exact if all cells have the same number of runs, else approximate (Thomas
    & Hultquist 1978). `least_difference` is the smallest difference between two runs that exceeds
    the noise of the seed: 1.96 sqrt(2) sd_within. It assumes noise of the same size in all cells.

    `sd_passages` is the part of `sd_within` that is due to the finite number of passages. With C_i
    the covariance of the errors of cell i's losses on the same passages, they add
    sum_i (trace C_i - 1' C_i 1 / n_i) / (N - a) to MSW on average.

    `sd_init` is the standard deviation within groups of runs of one cell and one order of data,
    which differ in their initialisation alone; `sd_data` within groups of one initialisation. Both
    hold what the two do only together, so their squares may add up to more than MSW.

    Args:
        runs: one row per run, with the columns of `design.COLUMNS`; rows without a value are left
            out. Columns `init_seed` and `data_seed` are not required.
        column: a metric or a score.
        passages: losses of single passages.
    """
    known = runs[np.isfinite(runs[column].to_numpy(np.float64))]
    values, cell = known[column].to_numpy(np.float64), cells(known) if len(known) else np.array([])
    _, member, counts = np.unique(cell, return_inverse=True, return_counts=True)
    n, a = len(values), len(counts)
    row: dict[str, Any] = {"column": column, "n": n, "cells": a}
    for part, fixed in (("init", "data_seed"), ("data", "init_seed")):
        row[f"sd_{part}"], row[f"df_{part}"] = _within(values, member, known.get(fixed))
    row["cells_repeated"] = int((counts > 1).sum())
    unknown = dict.fromkeys(("sd_within", "sd_between", "icc", "icc_low", "icc_high"), np.nan)
    if n == a or a < 2:
        return (
            row
            | {"df_within": n - a, **unknown, "least_difference": np.nan}
            | {"sd_passages": np.nan}
        )
    means = np.bincount(member, values) / counts
    msw = float(np.sum((values - means[member]) ** 2) / (n - a))
    msb = float(np.sum(counts * (means - values.mean()) ** 2) / (a - 1))
    n0 = (n - np.sum(counts**2) / n) / (a - 1)
    between = max(0.0, (msb - msw) / n0)
    low, high = np.nan, np.nan
    if msw > 0:
        tails = ((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2)
        h = a / np.sum(1 / counts)
        excess = h * means.var(ddof=1) / msw / fisher.ppf(tails, a - 1, n - a) - 1
        low, high = (float(max(0.0, e / (e + h))) for e in excess)
    by_passages = np.nan
    if passages.has(column):
        places_of = [places(rows) for _, rows in known.groupby(member)]
        by_passages = float(np.sqrt(_by_passages(passages, column, places_of) / (n - a)))
    return row | {
        "df_within": n - a,
        "sd_passages": by_passages,
        "sd_within": float(np.sqrt(msw)),
        "sd_between": float(np.sqrt(between)),
        "icc": between / (between + msw) if between + msw > 0 else np.nan,
        "icc_low": low,
        "icc_high": high,
        "least_difference": float(norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(2 * msw)),
    }


def _within(values: Floats, cell: NDArray[np.intp], fixed: pd.Series | None) -> tuple[float, int]:
    """Standard deviation within groups of one cell and one value of `fixed`, and its degrees of
    freedom; NaN if there are none."""
    if fixed is None:
        return np.nan, 0
    groups = pd.Series(values).groupby([cell, fixed.to_numpy()])
    df = len(values) - groups.ngroups if fixed.notna().all() else 0
    squares = float(((values - groups.transform("mean")) ** 2).sum())
    return (float(np.sqrt(squares / df)) if df else np.nan), df


def _by_passages(passages: Passages, column: str, cells_of: Sequence[Sequence[Place]]) -> float:
    """Expected sum of squares within cells from the passages alone; NaN if not known."""
    total = 0.0
    for members in cells_of:
        if len(members) > 1:
            covariance = passages.covariance(column, members)
            if covariance is None:
                return float("nan")
            total += float(np.trace(covariance) - covariance.sum() / len(members))
    return total
