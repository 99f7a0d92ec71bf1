"""Raw rank correlation, without controlling for training choices."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import rank_correlation, t_test

# Up to 7! = 5040 pairings are enumerated, because the t approximation is poor for few points (p = 0
# for four points in perfect order, although the exact value is 0.083).
EXACT_UP_TO = 7


@cache
def _pairings(n: int) -> NDArray[np.intp]:
    return np.array(list(permutations(range(n))))


def _exact_p(x: Floats, y: Floats) -> float:
    """Share of all pairings of x with y that correlate at least as strongly as the observed one."""
    a, b = (rank - rank.mean() for rank in (rankdata(x), rankdata(y)))
    products = np.abs(a @ b[_pairings(len(a))].T)
    return float(np.mean(products >= abs(a @ b) - 1e-9))


def spearman(
    x: ArrayLike, y: ArrayLike, *, clusters: ArrayLike, resamples: int, seed: int
) -> Estimate:
    """Spearman's rho of x and y: Pearson's correlation of their mid-ranks (Spearman 1904).

    p: exact over all pairings up to n = 7, by t with n - 2 degrees of freedom above. It assumes
    independent rows and ignores the training choices: a description, not a test of geometry.
    Interval: BCa bootstrap over `clusters` (the seeds of a cell stay together). Values are finite.
    """
    values = np.column_stack([x, y]).astype(np.float64)
    n, df = len(values), len(values) - 2
    if n < 3:
        return Estimate.unknown(f"{n} rows", n, df)
    rho = float(rank_correlation(values, np.ones((1, n)))[0])
    if np.isnan(rho):
        return Estimate.unknown("constant", n, df)
    p = _exact_p(*values.T) if n <= EXACT_UP_TO else t_test(rho, df)
    found = bootstrap_estimate(
        lambda weights: rank_correlation(values, weights), clusters, resamples=resamples, seed=seed
    )
    return replace(found, p=p, df=df)
