"""Differences between rank correlations of the same runs, with a joint bootstrap."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import families, varying
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import rank_correlation


def _resampled(
    rows: pd.DataFrame, statistic: Callable[[Floats], Floats], resamples: int, seed: int
) -> Estimate:
    """A statistic of weighted rows with a BCa interval over families of the design."""
    if len(rows) < 3:
        return Estimate.unknown(f"{len(rows)} runs", len(rows))
    found = bootstrap_estimate(statistic, families(rows), resamples=resamples, seed=seed)
    return Estimate.unknown("a column is constant", len(rows)) if np.isnan(found.value) else found


def removal(
    runs: pd.DataFrame, outcome: str, metric: str, *, share: float, resamples: int, seed: int
) -> Estimate:
    """|partial rho| - share |rho|: negative if control leaves less than that share."""
    rows = runs.dropna(subset=[outcome, metric])
    pair = rows[[metric, outcome]].to_numpy(np.float64)
    held = np.column_stack([pair, rows[varying(rows)].to_numpy(np.float64)])

    def statistic(weights: Floats) -> Floats:
        partial, raw = rank_correlation(held, weights), rank_correlation(pair, weights)
        return np.asarray(np.abs(partial) - share * np.abs(raw))

    return _resampled(rows, statistic, resamples, seed)


def advantage(
    runs: pd.DataFrame,
    outcome: str,
    predictor: str,
    metrics: Sequence[str],
    *,
    resamples: int,
    seed: int,
) -> Estimate:
    """|rho| of a predictor with an outcome, minus the largest |rho| of any metric with it.

    Each resample selects the largest again, so the interval includes the uncertainty of selection.
    """
    rows = runs.dropna(subset=[outcome, predictor])
    y = rows[outcome].to_numpy(np.float64)
    known = [name for name in metrics if rows[name].notna().all() and rows[name].nunique() > 1]
    if not known:
        return Estimate.unknown("no metric is known for all runs", len(rows))

    def strength(name: str, weights: Floats) -> Floats:
        pair = np.column_stack([rows[name].to_numpy(np.float64), y])
        return np.asarray(np.abs(rank_correlation(pair, weights)))

    def statistic(weights: Floats) -> Floats:
        best = np.nanmax([strength(name, weights) for name in known], axis=0)
        return np.asarray(strength(predictor, weights) - best)

    return _resampled(rows, statistic, resamples, seed)


def median_agreement(
    runs: pd.DataFrame, metrics: Sequence[str], *, resamples: int, seed: int
) -> Estimate:
    """Median |rho| over all pairs of the metrics."""
    rows = runs.dropna(subset=list(metrics))
    varied = [name for name in metrics if rows[name].nunique() > 1]
    if len(varied) < 2:
        return Estimate.unknown("fewer than two metrics that vary", len(rows))
    columns = {name: rows[name].to_numpy(np.float64) for name in varied}

    def statistic(weights: Floats) -> Floats:
        pairs = [
            np.abs(rank_correlation(np.column_stack([columns[a], columns[b]]), weights))
            for a, b in combinations(varied, 2)
        ]
        return np.asarray(np.median(pairs, axis=0))

    return _resampled(rows, statistic, resamples, seed)


def standing_of_best(
    runs: pd.DataFrame, outcome: str, metric: str, *, resamples: int, seed: int
) -> Estimate:
    """Share of runs whose metric is below that of the run with the lowest outcome (ties: half)."""
    rows = runs.dropna(subset=[outcome, metric]).reset_index(drop=True)
    x = rows[metric].to_numpy(np.float64)
    order = np.argsort(rows[outcome].to_numpy(np.float64), kind="stable")
    below = (x[None, :] < x[:, None]) + (x[None, :] == x[:, None]) / 2

    def statistic(weights: Floats) -> Floats:
        best = order[np.argmax(weights[:, order] > 0, axis=1)]
        return np.asarray((below[best] * weights).sum(axis=1) / weights.sum(axis=1))

    return _resampled(rows, statistic, resamples, seed)
