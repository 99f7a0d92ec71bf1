"""How much of what all the training choices together leave unexplained does a metric explain?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from disentangle.statistics.bootstrap import CONFIDENCE
from disentangle.statistics.design import column_space
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.ranks import NEGLIGIBLE
from disentangle.statistics.residual import MIN_DF


def r2_beside_design(outcome: ArrayLike, metric: ArrayLike, design: ArrayLike) -> Estimate:
    """max(0, 1 - (1 - r^2) (df + 1) / df), r the correlation of the residuals on the design.

    The squared partial correlation, adjusted for degrees of freedom (Ezekiel 1929): the share of
    what the training choices leave that the metric explains, in the population of runs of this
    design. `design` is `design.design_matrix`: every configuration has a level and a slope in log
    parameters of its own, so a metric cannot gain by standing for a choice, curved or not, or for
    one that turns with size. What it may gain by is curvature in size of one configuration alone,
    as in `residual_spearman`, whose assumptions these are; df = n - rank(design) - 1, too.

    It is a share of what is left, and not of all variance, of which the choices often explain 98 %:
    a metric that explains all of the rest would gain 0.02. `baseline` is therefore 0.

    Interval: that of r by Fisher's z with variance 1 / (df - 1) (Fisher 1924), squared; from 0
    where it holds 0. It assumes runs that vary normally, and alike. Runs left out one by one would
    estimate the same, but the bootstrap of their errors, fits held as they are, held the truth in
    50 to 87 of 100 simulated studies. NaN with a reason below `MIN_DF` degrees of freedom. Values
    are finite.
    """
    y, x = (np.asarray(values, np.float64) for values in (outcome, metric))
    basis = column_space(np.asarray(design, np.float64))
    n, rank = basis.shape
    df = max(n - rank - 1, 0)
    if df < MIN_DF:
        few = f"{n} rows, design of rank {rank}: {df} degrees of freedom (< {MIN_DF})"
        return Estimate.unknown(few, n, df)
    y, x = ((v - v.mean()) / (v.std() or 1.0) for v in (y, x))
    x_left, y_left = (v - basis @ (basis.T @ v) for v in (x, y))
    squares = float(x_left @ x_left), float(y_left @ y_left)
    if min(squares) < NEGLIGIBLE * n:
        return Estimate.unknown("constant, or fixed by the design", n, df)
    # an exact fit has no end of z
    r = float(np.clip(x_left @ y_left / np.sqrt(squares[0] * squares[1]), -1 + 1e-12, 1 - 1e-12))
    value = max(0.0, 1 - (1 - r**2) * (df + 1) / df)
    reach = norm.ppf((1 + CONFIDENCE) / 2) / np.sqrt(df - 1)
    ends = np.tanh([np.arctanh(r) - reach, np.arctanh(r) + reach])
    low, high = np.sort(ends**2)
    if ends[0] < 0 < ends[1]:
        low = 0.0
    return Estimate(value, float(low), float(high), n, df=df)
