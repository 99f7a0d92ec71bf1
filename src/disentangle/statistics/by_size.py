"""Association within sizes: a raw correlation over several sizes can be that of the sizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import rank_correlation

FEWEST = 3
"""Models of a size from which its rho counts: that of two is 1 or -1."""


def _mean_over_sizes(values: Floats, members: list[NDArray[np.intp]], weights: Floats) -> Floats:
    """The mean of rho within sizes in each resample (B x n): a vector of B values.

    A size is left out of a resample in which its rho is undefined.
    """
    total, models = np.zeros(len(weights)), np.zeros(len(weights))
    for rows in members:
        drawn = weights[:, rows]
        of_size = drawn.sum(axis=1)
        rho = np.full(len(weights), np.nan)
        rho[of_size > 0] = rank_correlation(values[rows], drawn[of_size > 0])
        known = np.isfinite(rho)
        total[known] += of_size[known] * rho[known]
        models[known] += of_size[known]
    return np.divide(total, models, out=np.full(len(weights), np.nan), where=models > 0)


def spearman_by_size(
    x: ArrayLike,
    y: ArrayLike,
    sizes: ArrayLike,
    *,
    clusters: ArrayLike,
    resamples: int,
    seed: int,
) -> Estimate:
    """The mean of Spearman's rho within each size, weighted by its models.

    sum n_s rho_s / sum n_s over the sizes s with at least `FEWEST` models in which neither x nor y
    is constant (average rho in blocks: Taylor 1987, Biometrics 43, 409). If the raw rho over all
    sizes has the other sign, that one is due to the sizes (Simpson 1951). Like the raw one it is a
    description: the other training choices are not taken out.

    Interval: BCa bootstrap over `clusters`. `df` is the number of sizes it is a mean of; NaN if
    fewer than two sizes count. Values are finite.
    """
    values = np.column_stack([x, y]).astype(np.float64)
    labels, size = np.unique(np.asarray(sizes, dtype=str), return_inverse=True)
    counted = [
        rows
        for rows in (np.flatnonzero(size == s) for s in range(len(labels)))
        if len(rows) >= FEWEST and (np.ptp(values[rows], axis=0) > 0).all()
    ]
    n = sum(map(len, counted))
    if len(counted) < 2:
        return Estimate.unknown(f"fewer than two sizes have {FEWEST} models that differ", n)
    kept = np.sort(np.concatenate(counted))
    values, members = values[kept], [np.searchsorted(kept, rows) for rows in counted]
    found = bootstrap_estimate(
        lambda weights: _mean_over_sizes(values, members, weights),
        np.asarray(clusters)[kept],
        resamples=resamples,
        seed=seed,
    )
    return Estimate(found.value, found.low, found.high, n, found.note, df=len(counted))
