"""Confidence intervals by resampling whole clusters.

A resample is stored as a weight per row (how often the row was drawn), so a statistic is a function
from a matrix of weights, one resample a row, to a vector of values. The estimate itself (all
weights one), the bootstrap and the jackknife are then one code path, without a loop over resamples.

`scipy.stats.bootstrap` does not support clusters and calls rank statistics once per resample. The
BCa arithmetic here is the same and is tested against it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from disentangle.statistics.estimate import Estimate

Floats = NDArray[np.float64]

CONFIDENCE = 0.95

# m clusters give C(2m - 1, m) distinct resamples (Efron & Tibshirani 1993, p. 49): 35 for four
# clusters, too few for a 2.5 % quantile; 126 for five.
MIN_CLUSTERS = 5

# If the statistic is defined (not constant, not exactly fitted) on a smaller share of resamples,
# these are a selected sample and give no valid interval.
MIN_DEFINED = 0.5


# Relative; sums over hundreds of rows depend on the order of the rows in the last digits.
ROUNDING = 1e-12


def cluster_weights(clusters: ArrayLike, resamples: int, seed: int, draws: int) -> Floats:
    """How often each row appears in each resample: `resamples` x rows.

    `draws` clusters are drawn with replacement, each with all its rows. Clusters are numbered by
    their sorted labels, so that the order of the rows does not matter.
    """
    labels, member = np.unique(np.asarray(clusters), return_inverse=True)
    count = len(labels)
    drawn = np.random.default_rng(seed).integers(count, size=(resamples, draws))
    # one histogram for all resamples: each has its own range of bins
    drawn += count * np.arange(resamples)[:, None]
    times = np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count)
    return times[:, member].astype(np.float64)


def jackknife_weights(clusters: ArrayLike) -> Floats:
    """Row weights with one cluster left out at a time: clusters x rows."""
    labels, member = np.unique(np.asarray(clusters), return_inverse=True)
    return (member[None, :] != np.arange(len(labels))[:, None]).astype(np.float64)


def bca(estimate: float, replicates: Floats, jackknife: Floats) -> tuple[float, float]:
    """Bias-corrected and accelerated interval (Efron 1987, equations 2.3 and 6.6).

    Bias correction z0 = Phi^-1(share of replicates below the estimate, ties counted half);
    acceleration a = sum d^3 / (6 (sum d^2)^1.5), d = mean(jackknife) - jackknife. The bounds are
    the quantiles of the replicates at Phi(z0 + (z0 + z) / (1 - a (z0 + z))), z = -+1.96. They are
    NaN if all replicates are on one side of the estimate (z0 is infinite).
    """
    # values that differ by rounding are ties: their order depends on the order of the rows
    tied = np.abs(replicates - estimate) <= ROUNDING * max(1.0, abs(estimate))
    below = np.mean((replicates < estimate) & ~tied) + np.mean(tied) / 2
    z0 = norm.ppf(below)
    if not np.isfinite(z0):
        return np.nan, np.nan
    d = jackknife.mean() - jackknife
    spread = np.sum(d**2) ** 1.5
    a = np.sum(d**3) / (6 * spread) if spread > 0 else 0.0
    z = z0 + norm.ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = np.quantile(replicates, norm.cdf(z0 + z / (1 - a * z)))
    return float(low), float(high)


def bootstrap_estimate(
    statistic: Callable[[Floats], Floats],
    clusters: ArrayLike,
    *,
    resamples: int,
    seed: int,
    draws: int | None = None,
) -> Estimate:
    """`statistic` of all rows, with its BCa interval from resampled clusters.

    Resamples on which the statistic is undefined (a column is constant in them) are left out.
    `draws`: clusters per resample, by default the number of clusters. Fewer give an m-out-of-n
    bootstrap (Bickel, Goetze & van Zwet 1997), for rows that carry less than one degree of
    freedom each.
    """
    clusters = np.asarray(clusters)
    n, count = len(clusters), len(np.unique(clusters))
    value = float(statistic(np.ones((1, n)))[0])
    if count < MIN_CLUSTERS:
        return Estimate(value, n=n, note=f"no interval from {count} clusters (< {MIN_CLUSTERS})")
    replicates = statistic(cluster_weights(clusters, resamples, seed, draws or count))
    replicates = replicates[np.isfinite(replicates)]
    if len(replicates) < MIN_DEFINED * resamples:
        share = f"{len(replicates)} of {resamples}"
        return Estimate(
            value, n=n, note=f"no interval: the statistic is defined on only {share} resamples"
        )
    if np.ptp(replicates) < 1e-12:
        return Estimate(value, n=n, note="no interval: every resample gives the same value")
    jackknife = statistic(jackknife_weights(clusters))
    low, high = bca(value, replicates, jackknife[np.isfinite(jackknife)])
    if np.isnan(low):
        one_sided = "no interval: all resamples are on one side of the estimate"
        return Estimate(value, n=n, note=one_sided)
    return Estimate(value, low, high, n)
