"""Does a metric predict what all the training choices together leave unpredicted?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from disentangle.statistics.bootstrap import Floats, bootstrap_interval
from disentangle.statistics.design import column_space
from disentangle.statistics.increment import Increment
from disentangle.statistics.ranks import NEGLIGIBLE
from disentangle.statistics.residual import MIN_DF


def _left_out(y: Floats, basis: Floats, rows: Floats) -> Floats:
    """Errors of rows that are each predicted by a fit to all the others: e / (1 - h)."""
    leverage = np.sum(basis**2, axis=1)[rows]
    return np.asarray((y - basis @ (basis.T @ y))[rows] / (1 - leverage))


def r2_beside_design(
    outcome: ArrayLike,
    metric: ArrayLike,
    design: ArrayLike,
    clusters: ArrayLike,
    *,
    resamples: int,
    seed: int,
) -> Increment:
    """1 - sum e1^2 / sum e0^2, e0 and e1 the errors of runs left out one by one (Allen 1974).

    e0 is that of least squares on the design, e1 that of the design with the metric beside it: the
    share of what the training choices leave unpredicted that the metric predicts. `design` is
    `design.design_matrix`: every configuration has a level and a slope in log parameters of its
    own, so a metric cannot gain by standing for a choice, curved or not, or for one that turns with
    size. What it may gain by is curvature in size of one configuration alone, as in
    `residual_spearman`, whose assumptions these are.

    It is a share of what is left, and not of all variance, of which the choices often explain 98 %:
    a metric that explains all of the rest would gain 0.02. `baseline` is therefore 0.

    Runs that either fit reproduces whatever was measured (leverage one) cannot be left out, and are
    not. Interval: BCa bootstrap of the runs' pairs of squared errors by `clusters` (cells), fits
    held as they are. NaN with a reason below `MIN_DF` degrees of freedom. Values are finite.
    """
    y, x = (np.asarray(values, np.float64) for values in (outcome, metric))
    basis = column_space(np.asarray(design, np.float64))
    n, rank = basis.shape
    df = max(n - rank - 1, 0)
    if df < MIN_DF:
        few = f"{n} rows, design of rank {rank}: {df} degrees of freedom (< {MIN_DF})"
        return Increment.undefined(few)
    y, x = ((v - v.mean()) / (v.std() or 1.0) for v in (y, x))
    x_left, y_left = (v - basis @ (basis.T @ v) for v in (x, y))
    if min(x_left @ x_left, y_left @ y_left) < NEGLIGIBLE * n:
        return Increment.undefined("constant, or fixed by the design")
    full = np.column_stack([basis, x_left / np.linalg.norm(x_left)])
    free = np.sum(full**2, axis=1) < 1 - NEGLIGIBLE
    base_errors, full_errors = (_left_out(y, fit, free) ** 2 for fit in (basis, full))

    def gain(weights: Floats) -> Floats:
        total = weights @ base_errors
        exact = total <= NEGLIGIBLE * base_errors.sum()
        return np.asarray(1 - weights @ full_errors / np.where(exact, np.nan, total))

    value = float(gain(np.ones((1, len(base_errors))))[0])
    low, high, reason = bootstrap_interval(
        gain, np.asarray(clusters)[free], resamples=resamples, seed=seed
    )
    return Increment(value, low, high, 0.0, value, reason)
