"""Ordinary least squares with the full design and cluster-robust errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student_t

from disentangle.statistics.bootstrap import CONFIDENCE
from disentangle.statistics.design import column_space
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import NEGLIGIBLE


def clustered_slope(
    outcome: ArrayLike, metric: ArrayLike, design: ArrayLike, clusters: ArrayLike
) -> Estimate:
    """Slope b of  z(outcome) = b z(metric) + design c + e,  e correlated within clusters.

    By Frisch & Waugh (1933) b = x'y / x'x with x and y the residuals on the design. Variance
    sum_g (sum_{i in g} x_i e_i)^2 / (x'x)^2, times G / (G - 1) and (n - 1) / (n - K) for small
    samples (Liang & Zeger 1986; Stata's and statsmodels' correction), K the number
    of coefficients. p and interval by t with min(G - 1, n - K) degrees of freedom: with one run per
    cell there are as many clusters as runs, and G - 1 would ignore the coefficients of the design.

    Assumes a linear effect, and the same about the design as `residual_spearman`. Robust to
    heteroscedastic errors, but not to runs that the design fits almost exactly. Values are finite.
    """
    y, x = (np.asarray(values, np.float64) for values in (outcome, metric))
    basis = column_space(np.asarray(design, np.float64))
    n, rank = basis.shape
    labels, groups = np.unique(np.asarray(clusters), return_inverse=True)
    count = len(labels)
    if n - rank - 1 < 1 or count < 2:
        return Estimate.unknown(f"{n} rows in {count} clusters, {rank + 1} coefficients", n)
    if np.ptp(y) == 0 or np.ptp(x) == 0:
        return Estimate.unknown("constant", n)
    x, y = ((v - v.mean()) / v.std() for v in (x, y))
    x_left, y_left = (v - basis @ (basis.T @ v) for v in (x, y))
    square = float(x_left @ x_left)
    if square < NEGLIGIBLE * n:
        return Estimate.unknown("metric determined by the design", n)
    b = float(x_left @ y_left) / square
    scores = np.bincount(groups, x_left * (y_left - b * x_left))
    small_sample = count / (count - 1) * (n - 1) / (n - rank - 1)
    se = float(np.sqrt(small_sample * (scores @ scores))) / square
    df = min(count - 1, n - rank - 1)
    reach = float(student_t.ppf((1 + CONFIDENCE) / 2, df)) * se
    p = float(2 * student_t.sf(abs(b) / se, df)) if se > 0 else 0.0
    return Estimate(b, b - reach, b + reach, n, p=p, se=se, df=df)
