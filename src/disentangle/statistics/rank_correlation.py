"""Rank correlations, raw or partial, of many resamples at once."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student_t

from disentangle.statistics.bootstrap import Floats

# A share of variance smaller than this is rounding, not variance.
NEGLIGIBLE = 1e-9


def weighted_ranks(values: Floats, weights: Floats) -> Floats:
    """Mid-ranks of each column of `values` (n x m) within each resample (B x n): B x m x n.

    The mid-rank of a value is one half, plus the weight below it, plus half the weight of its ties
    (including itself). This equals its rank in the resample with every drawn row written out.
    """
    ranks = np.empty((len(weights), values.shape[1], len(values)))
    for i, column in enumerate(values.T):
        levels, level = np.unique(column, return_inverse=True)
        # sums of the weights of each level, with time and memory linear in the number of rows
        order = np.argsort(level, kind="stable")
        first = np.searchsorted(level[order], np.arange(len(levels)))
        tied = np.add.reduceat(weights[:, order], first, axis=1)
        ranks[:, i] = np.take(0.5 + np.cumsum(tied, axis=1) - tied / 2, level, axis=1)
    return ranks


def rank_covariance(values: Floats, weights: Floats) -> Floats:
    """Covariance of the columns' mid-ranks within each resample (B x n): B x m x m."""
    ranks = weighted_ranks(values, weights)
    share = weights / weights.sum(axis=1, keepdims=True)
    centred = ranks - ranks @ share[:, :, None]
    centred *= np.sqrt(share)[:, None, :]
    return np.asarray(centred @ centred.transpose(0, 2, 1))


def rank_correlation(values: Floats, weights: Floats) -> Floats:
    """Spearman correlation of the first two columns given the others, one per resample.

    With S the correlation matrix of the ranks, split into the pair (a) and the rest (c), the
    conditional covariance is S_aa - S_ac S_cc^+ S_ca, and its correlation is the partial
    Spearman coefficient. With the pseudo-inverse, constant and redundant covariates have no
    effect. NaN if one of the pair is constant or a function of the covariates.
    """
    covariance = rank_covariance(values, weights)
    sd = np.sqrt(np.einsum("bmm->bm", covariance))
    # distinct ranks differ by at least one half, so a real standard deviation is far from rounding
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > NEGLIGIBLE)
    S = covariance * scale[:, :, None] * scale[:, None, :]
    pair = S[:, :2, :2]
    if values.shape[1] > 2:
        inverse = np.linalg.pinv(S[:, 2:, 2:], rcond=NEGLIGIBLE, hermitian=True)
        pair = pair - S[:, :2, 2:] @ inverse @ S[:, 2:, :2]
    left = np.minimum(pair[:, 0, 0], pair[:, 1, 1])
    defined = left > NEGLIGIBLE
    product = np.where(defined, pair[:, 0, 0] * pair[:, 1, 1], 1.0)
    return np.where(defined, np.clip(pair[:, 0, 1] / np.sqrt(product), -1, 1), np.nan)


def t_test(rho: float, df: int) -> float:
    """Two-sided p of a correlation, t = rho sqrt(df / (1 - rho^2)) (Kendall & Stuart 1973, 31.19).

    NaN without degrees of freedom. It is an approximation for ranks: below about 5 df,
    small values are unreliable.
    """
    if df <= 0 or np.isnan(rho):
        return float("nan")
    unexplained = (1 - rho) * (1 + rho)
    if unexplained == 0:
        return 0.0
    return float(2 * student_t.sf(abs(rho) * np.sqrt(df / unexplained), df))
