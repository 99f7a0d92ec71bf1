"""Rank correlation of what the design leaves unexplained: the estimator to go by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import column_space
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.ranks import NEGLIGIBLE, rank_correlation, t_test

# Three degrees of freedom are those of five free points, the fewest that can reach 5 % in an exact
# test of rank correlation (2 / 5! = 0.017; four points stop at 2 / 4! = 0.083).
MIN_DF = 3


def _residuals(values: Floats, basis: Floats) -> Floats:
    """What is left of each column beside the basis, in units of its own standard deviation.

    Rounded, so that values which the design fits exactly are ties and not ranked rounding errors.
    """
    centred = values - values.mean(axis=0)
    sd = centred.std(axis=0)
    scaled = np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 0)
    return np.round(scaled - basis @ (basis.T @ scaled), 9)


def residuals(values: Floats, design: Floats) -> Floats | None:
    """Least-squares residuals of each column, rows that the design fits exactly left out.

    None where the design leaves fewer than `MIN_DF` degrees of freedom.
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

    Values, not ranks, are regressed (Frisch & Waugh 1933), since effects are additive, if anywhere,
    on the scale of the measurement. `design` (n x p, its span holding the constant) is
    `design.design_matrix`: dummies of size and of configuration, and a slope in log parameters for
    each configuration. p by t with n - rank(design) - 1 degrees of freedom; NaN below `MIN_DF`.

    Rows of leverage one are fitted exactly by a parameter of their own, so their residuals
    are zero whatever was measured. They are left out before ranking (which takes one row
    and one rank: the degrees of freedom stay).

    Interval: the design was chosen, not sampled, so residual pairs are resampled with the design
    held fixed (Freedman 1981), by `clusters`. The residuals number n but have n - rank degrees of
    freedom: so many clusters are drawn that a resample has as many (m out of n).

    Remains assumed: that a configuration's effect on x and on y is a constant plus a slope in log
    parameters (curvature in size that all configurations share is allowed for by the dummies of
    size, curvature of its own is not); that the noise of runs is independent between cells and of
    similar size; that no run is so far out that its fit spoils its neighbours. Values are finite.
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
        return Estimate.unknown("constant, or fixed by the design", n, df)
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
