"""Agreement of metrics: pairwise rank correlations, and clusters of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from disentangle.statistics.bootstrap import (
    MIN_CLUSTERS,
    Floats,
    bca,
    cluster_weights,
    jackknife_weights,
)
from disentangle.statistics.design import design_matrix, families
from disentangle.statistics.rank_correlation import NEGLIGIBLE, rank_covariance
from disentangle.statistics.residual import residuals

TOGETHER = 0.7
"""Groups of metrics form one cluster if the mean |rho| between them is at least this."""

AT_ONCE = 100
"""Resamples whose ranks are held in memory together."""


def correlations(values: Floats, weights: Floats) -> Floats:
    """Spearman's rho of all pairs of columns (n x m), one matrix per resample: B x m x m.

    NaN in rows and columns of a metric that is constant in a resample.
    """
    found = []
    for start in range(0, len(weights), AT_ONCE):
        drawn = weights[start : start + AT_ONCE]
        covariance = rank_covariance(values, drawn)
        sd = np.sqrt(np.einsum("bmm->bm", covariance))
        scale = np.divide(1.0, sd, out=np.full_like(sd, np.nan), where=sd > NEGLIGIBLE)
        found.append(np.clip(covariance * scale[:, :, None] * scale[:, None, :], -1, 1))
    return np.concatenate(found)


def metric_clusters(rho: Floats) -> list[int]:
    """The number of each metric's cluster, from 1 in order; 0 for a constant metric.

    Average linkage on 1 - |rho| (Sokal & Michener 1958). Two groups are merged only if the mean
    |rho| between them is at least `TOGETHER`.
    """
    varied = np.flatnonzero(np.isfinite(np.diag(rho)))
    numbers = np.zeros(len(rho), dtype=int)
    if len(varied) == 1:
        numbers[varied] = 1
    elif len(varied) > 1:
        distance = np.clip(1 - np.abs(rho[np.ix_(varied, varied)]), 0, None)
        np.fill_diagonal(distance, 0)
        tree = linkage(squareform(distance, checks=False), "average")
        labels = fcluster(tree, 1 - TOGETHER, "distance")
        order = list(dict.fromkeys(labels.tolist()))
        numbers[varied] = [order.index(label) + 1 for label in labels.tolist()]
    return numbers.tolist()


def agreement(
    runs: pd.DataFrame, metrics: Sequence[str], *, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Rows of the agreement table: one per pair of metrics, over the runs that have all metrics.

    `rho` is Spearman's with a BCa interval that resamples families of the design. `residual_rho` is
    that of the residuals on the design (`residual_spearman`); it is small if two metrics agree only
    because the same choices affect both. `metric_clusters` forms the clusters from `rho`.

    Args:
        runs: one row per run, with the columns of `design.COLUMNS`.
        metrics: columns to compare; a metric that no run has is left out.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.
    """
    known = [name for name in metrics if runs[name].notna().any()]
    rows = runs.dropna(subset=known)
    if len(rows) < 3 or len(known) < 2:
        return []
    values = rows[known].to_numpy(np.float64)
    rho = correlations(values, np.ones((1, len(rows))))[0]
    left = residuals(values, design_matrix(rows))
    beside = np.full_like(rho, np.nan)
    if left is not None:
        beside = correlations(left, np.ones((1, len(left))))[0]
    family = families(rows)
    drawn, without = None, None
    if len(np.unique(family)) >= MIN_CLUSTERS:
        count = len(np.unique(family))
        drawn = correlations(values, cluster_weights(family, resamples, seed, count))
        without = correlations(values, jackknife_weights(family))
    clusters = metric_clusters(rho)
    table = []
    for i, j in combinations(range(len(known)), 2):
        low, high = np.nan, np.nan
        if drawn is not None and without is not None and np.isfinite(rho[i, j]):
            pair, jackknife = drawn[:, i, j], without[:, i, j]
            low, high = bca(rho[i, j], pair[np.isfinite(pair)], jackknife[np.isfinite(jackknife)])
        table.append(
            {
                "metric_a": known[i],
                "metric_b": known[j],
                "n": len(rows),
                "rho": float(rho[i, j]),
                "rho_low": low,
                "rho_high": high,
                "residual_rho": float(beside[i, j]),
                "cluster_a": clusters[i],
                "cluster_b": clusters[j],
            }
        )
    return table
