"""Association within cells: the only estimator without assumptions about training effects."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm as normal
from scipy.stats import rankdata

from disentangle.statistics.bootstrap import CONFIDENCE, Floats
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import rank_correlation
from disentangle.statistics.rearrangements import rearrangements

LEVEL = 0.05


def _deviations(values: Floats, cell: NDArray[np.intp]) -> Floats:
    """Values minus their cell's mean, in units of their standard deviation, rounding removed."""
    means = np.array([np.bincount(cell, column) / np.bincount(cell) for column in values.T]).T
    left = values - means[cell]
    sd = left.std(axis=0)
    # deviations of equal values are rounding errors, ten digits below the values
    real = sd > 1e-10 * np.abs(values).max(axis=0)
    return np.round(np.divide(left, sd, out=np.zeros_like(left), where=real), 9)


def _interval(rho: float, df: int) -> tuple[float, float]:
    """tanh(atanh rho -+ 1.96 sqrt(1.06 / (df - 2))): Fisher's z (Fieller, Hartley & Pearson 1957).

    Their n - 3 with n - 1 = df, because each cell's mean costs one degree of freedom. It assumes
    noise of similar size in all cells. A bootstrap would not, but there are few repeated cells:
    with six, the coverage of its 95 % intervals was 75 to 90 %.
    """
    if df < 4 or abs(rho) == 1:
        return np.nan, np.nan
    reach = normal.ppf((1 + CONFIDENCE) / 2) * np.sqrt(1.06 / (df - 2))
    return float(np.tanh(np.arctanh(rho) - reach)), float(np.tanh(np.arctanh(rho) + reach))


def within_spearman(
    x: ArrayLike, y: ArrayLike, cells: ArrayLike, *, permutations: int, seed: int
) -> Estimate:
    """Spearman's rho of the deviations of x and y from the means of their cells.

    Rows of a cell have the same size and the same training choices and differ only in their seed. p
    is the share of rearrangements of y within cells that correlate at least as strongly: all of
    them up to `rearrangements.EXACT_UP_TO`, else `permutations` random ones plus the observed one
    (Phipson & Smyth 2010). It is exact for any effects of training on x and y at any sample size;
    it assumes only that the seeds of a cell are exchangeable.

    Cells without a repeat are left out. `n` is the number of the other rows, `df` is `n` minus the
    number of their cells. NaN if even the strongest association could not reach 5 %. The interval
    needs further assumptions: see `_interval`. Values are finite.
    """
    values = np.column_stack([x, y]).astype(np.float64)
    _, cell, sizes = np.unique(np.asarray(cells), return_inverse=True, return_counts=True)
    values = values[sizes[cell] > 1]
    cell = np.unique(cell[sizes[cell] > 1], return_inverse=True)[1]
    # random draws must not depend on the order of the rows
    order = np.lexsort((values[:, 1], values[:, 0], cell))
    values, cell = values[order], cell[order]
    n, count = len(values), len(np.unique(cell))
    df = n - count
    if not n:
        return Estimate.unknown("no cell is repeated with another seed")
    left = _deviations(values, cell)
    rho = float(rank_correlation(left, np.ones((1, n)))[0])
    if np.isnan(rho):
        return Estimate.unknown("constant within cells", n, df)
    a, b = (rankdata(column) - (n + 1) / 2 for column in left.T)
    members = [np.flatnonzero(cell == c) for c in range(count)]
    rearranged, exact = rearrangements(members, n, permutations, seed)
    products = np.abs(b[rearranged] @ a)
    # products that differ by rounding are equal
    slack = 1e-9 * float(np.sqrt((a @ a) * (b @ b)))
    as_strong = int(np.sum(products >= abs(a @ b) - slack))
    if exact:
        p = as_strong / len(rearranged)
        least = float(np.mean(products >= products.max() - slack))
        if least > LEVEL:
            few = f"{n} rows in {count} repeated cells cannot reach p = {LEVEL:g}"
            return Estimate.unknown(few, n, df)
    else:
        p = (1 + as_strong) / (1 + len(rearranged))
    return Estimate(rho, *_interval(rho, df), n, p=p, df=df)
