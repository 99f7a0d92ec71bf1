"""Restricted maximum likelihood of a linear model with one random intercept per group.

y = X b + u_group + e,  u ~ N(0, tau^2),  e ~ N(0, sigma^2).

Only the ratio theta = tau^2 / sigma^2 has to be searched for. Given theta, b, sigma^2 and the
likelihood are in closed form (Laird & Ware 1982; Searle, Casella & McCulloch 1992, section 6.6):
the inverse covariance of a group of n rows is I - theta / (1 + n theta) 11', up to 1 / sigma^2. So
a line search on log theta finds the maximum in less than a tenth of the time of general optimisers.
The likelihood is flat there: its rounding errors, of 1e-16, move its highest place by 1e-8. So the
maximum is where the derivative is zero, and is rounded (`DIGITS`): tables must not depend on the
last bit of a sum.

The standard error is that of the joint observed information, as statsmodels has it: b is uncertain
for given theta, and moves with theta, which is uncertain too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import brentq, minimize_scalar

from disentangle.statistics.bootstrap import Floats

LEAST, MOST = 1e-8, 1e8
"""Bounds of theta: beyond them it is 0, or infinite, for every purpose."""

PLACES = 33
"""At so many places the likelihood is computed first; the best one's neighbours bound the search,
since the likelihood can have two maxima."""

FLAT = 1e-6
"""A likelihood that is flatter is at a bound, where b no longer moves with theta."""

DIGITS = 9
"""Decimals of log theta. An error of 1e-9 there is one of some 1e-10 in b."""

STEP = 1e-3
"""Of log theta, for the likelihood's curvature and the slope of b at the maximum."""


class NoFitError(ValueError):
    """The likelihood has no maximum that can be found."""


@dataclass(frozen=True)
class RandomIntercept:
    """A fit: the coefficients, the standard error of the first one, and both variances."""

    coefficients: Floats
    se: float
    tau2: float
    sigma2: float


def fit_random_intercept(y: Floats, X: Floats, groups: NDArray[Any]) -> RandomIntercept:
    """Fit the model.

    Args:
        y: n values.
        X: n x p, of full rank, with a column of ones in its span.
        groups: n labels.

    Raises:
        NoFitError: if X is singular, or leaves nothing to explain.
    """
    _, group = np.unique(groups, return_inverse=True)
    rows = np.bincount(group).astype(np.float64)
    both = np.column_stack([X, y])
    sums = np.zeros((len(rows), both.shape[1]))
    np.add.at(sums, group, both)
    products = both.T @ both
    free = len(y) - X.shape[1]

    def deviance(log_theta: float) -> float:
        """-2 log restricted likelihood, up to a constant."""
        theta = np.exp(log_theta)
        factor = _cholesky(products, sums, rows, theta)
        diagonal = np.log(np.diagonal(factor))
        return float(
            2 * free * diagonal[-1] + np.log1p(rows * theta).sum() + 2 * diagonal[:-1].sum()
        )

    def slope(log_theta: float) -> float:
        """Its derivative. With L L' = [X y]' V^-1 [X y] and z = L^-1 [X y]' 1 of a group, that of
        log det is -sum w' |z|^2, w' = theta / (1 + n theta)^2; the last entry of z is the y's."""
        theta = np.exp(log_theta)
        z = solve_triangular(_cholesky(products, sums, rows, theta), sums.T, lower=True)
        weights = theta / (1 + rows * theta) ** 2
        explained, left = (z[:-1] ** 2).sum(axis=0), z[-1] ** 2
        shrinkage = (rows * theta / (1 + rows * theta)).sum()
        return float(shrinkage - weights @ (explained + free * left))

    grid = np.linspace(np.log(LEAST), np.log(MOST), PLACES)
    try:
        found = [deviance(place) for place in grid]
        best = int(np.argmin(found))
        bounds = (grid[max(best - 1, 0)], grid[min(best + 1, PLACES - 1)])
        place = minimize_scalar(deviance, bounds=bounds, method="bounded").x
        ends = (max(place - STEP, bounds[0]), min(place + STEP, bounds[1]))
        if slope(ends[0]) < 0 < slope(ends[1]):
            place = brentq(slope, *ends, xtol=1e-13)
        elif best in (0, PLACES - 1):
            place = grid[best]
        place = round(float(place), DIGITS)
        theta = float(np.exp(place))
        factor = _cholesky(products, sums, rows, theta)
    except np.linalg.LinAlgError as error:
        raise NoFitError("singular") from error
    coefficients, sigma2, variance = _given(factor, free)
    around = [place - STEP, place, place + STEP]
    before, here, after = (deviance(one) for one in around)
    curvature = (before - 2 * here + after) / STEP**2 / 2
    if curvature > FLAT:
        low, high = (
            _given(_cholesky(products, sums, rows, np.exp(one)), free)[0][0]
            for one in (around[0], around[2])
        )
        variance += ((high - low) / (2 * STEP)) ** 2 / curvature
    return RandomIntercept(coefficients, float(np.sqrt(variance)), theta * sigma2, sigma2)


def _given(factor: Floats, free: int) -> tuple[Floats, float, float]:
    """The coefficients, sigma^2, and the first coefficient's variance, for given theta.

    The last row of the factor has what X explains of y, and its last entry what it leaves.
    """
    sigma2 = float(factor[-1, -1] ** 2 / free)
    inverse = np.linalg.inv(factor[:-1, :-1])
    return inverse.T @ factor[-1, :-1], sigma2, float(sigma2 * inverse[:, 0] @ inverse[:, 0])


def _cholesky(products: Floats, sums: Floats, rows: Floats, theta: float) -> Floats:
    """L of [X y]' V^-1 [X y] = L L', with V the covariance over sigma^2."""
    weights = theta / (1 + rows * theta)
    return np.linalg.cholesky(products - (sums * weights[:, None]).T @ sums)
