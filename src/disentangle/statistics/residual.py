"""Rank correlation of the residuals on the design: the main estimator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import column_space
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import NEGLIGIBLE, rank_correlation, t_test

# Five free points have three degrees of freedom. With fewer, an exact test of rank correlation
# cannot reach 5 % (2 / 5! = 0.017, but 2 / 4! = 0.083 for four points).
MIN_DF = 3


def _residuals(values: Floats, basis: Floats) -> Floats:
    """Residuals of each column on the basis, in units of the column's standard deviation.

    They are rounded, so that values which the design fits exactly are ties.
    """
    centred = values - values.mean(axis=0)
    sd = centred.std(axis=0)
    scaled = np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 0)
    return np.round(scaled - basis @ (basis.T @ scaled), 9)


def residuals(values: Floats, design: Floats) -> Floats | None:
    """Least-squares residuals of each column, without rows that the design fits exactly.

    None if the design leaves fewer than `MIN_DF` degrees of freedom.
    """
    basis = column_space(design)
    n, rank = basis.shape
    if n - rank - 1 < MIN_DF:
        return None
    return _residuals(values, basis)[np.sum(basis**2, axis=1) < 1 - NEGLIGIBLE]


def residual_spearman(
    x: ArrayLike,
    y: ArrayLike,
    design: ArrayLike,
    *,
    clusters: ArrayLike,
    resamples: int,
    seed: int,
) -> Estimate:
    """Spearman's rho of the least-squares residuals of x and of y on the design matrix.

    Values, not ranks, are regressed (Frisch & Waugh 1933), because additive effects are more
    plausible on the scale of the measurement. `design` (n x p, its span includes the constant) is
    `design.design_matrix`: dummies of size and of configuration, and a slope in log parameters for
    each configuration. p by t with n - rank(design) - 1 degrees of freedom; NaN below `MIN_DF`.

    Rows of leverage one are fitted exactly by their own parameter, so their residuals are always
    zero. They are left out before ranking. This removes one row and one rank, so the degrees of
    freedom do not change.

    Interval: the design was chosen, not sampled, so residual pairs are resampled by `clusters` with
    the design held fixed (Freedman 1981). The n residuals have n - rank degrees of freedom, so each
    resample draws only as many clusters as give that number of rows (m out of n).

    Assumptions: the effect of a configuration on x and y is a constant plus a slope in log
    parameters (the size dummies allow for curvature in size that all configurations share, but not
    for curvature of one configuration); the noise of runs is independent between cells and of
    similar size; no outlier distorts the fit of other runs. Values are finite.
    """
    values = np.column_stack([x, y]).astype(np.float64)
    basis = column_space(np.asarray(design, dtype=np.float64))
    n, rank = basis.shape
    df = n - rank - 1
    if df < MIN_DF:
        few = f"{n} rows, design of rank {rank}: {max(df, 0)} degrees of freedom (< {MIN_DF})"
        return Estimate.unknown(few, n, max(df, 0))
    free = np.sum(basis**2, axis=1) < 1 - NEGLIGIBLE
    left = _residuals(values, basis)[free]
    n = len(left)
    rho = float(rank_correlation(left, np.ones((1, n)))[0])
    if np.isnan(rho):
        return Estimate.unknown("constant, or determined by the design", n, df)
    clusters = np.asarray(clusters)[free]
    # df + 2 of n: with a constant as the only design this is n of n
    draws = max(1, round(len(np.unique(clusters)) * (df + 2) / n))
    found = bootstrap_estimate(
        lambda weights: rank_correlation(left, weights),
        clusters,
        resamples=resamples,
        seed=seed,
        draws=draws,
    )
    return replace(found, p=t_test(rho, df), df=df)
