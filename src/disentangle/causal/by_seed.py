"""Inference from one number a seed: sign flips, which assume nothing of the noise but symmetry.

Of each seed i there are a_i and c_i, and the estimate is b = sum a_i / sum c_i. With c_i = 1 it is
a mean difference between two arms. With c_i the exposure that an instrument moves and a_i the
outcome that it moves, b is an instrumental estimate, and the test is that of Anderson & Rubin
(1949) with one instrument.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.special import stdtr, stdtrit

from disentangle.causal.confidence_set import LEVEL, Regions
from disentangle.statistics.bootstrap import CONFIDENCE, Floats
from disentangle.statistics.estimate import Estimate

EXACT_UP_TO = 14
"""Seeds up to which all flips are enumerated: 2^13 of them, as a flip and its mirror are one."""

DRAWN = 8191
"""Random flips for more seeds."""

# Sums that differ by less than this, relative to the sum of absolute values, are equal.
ROUNDING = 1e-12


@cache
def flips(n: int) -> tuple[Floats, bool]:
    """Which of n seeds keep their sign (flips x n, ones and zeros), and whether these are all.

    The first seed keeps its sign, since the mirror image of a flip has the same absolute sum.
    The observed order, which flips none, is the first row.
    """
    if n <= EXACT_UP_TO:
        numbers = np.arange(2 ** (n - 1))
        kept = np.column_stack([np.ones(len(numbers), int), ~numbers[:, None] >> np.arange(n - 1)])
        kept &= 1
    else:
        kept = np.random.default_rng(n).integers(0, 2, (DRAWN + 1, n))
        kept[0] = 1
    return kept.astype(np.float64), n <= EXACT_UP_TO


def flip_p(a: Floats) -> float:
    """p of no effect: share of sign flips of a whose |sum| is at least the observed one.

    Exact if each a_i is as likely to have the other sign, as a difference between two arms is under
    randomisation if neither does anything. Of binary outcomes it is McNemar's test. Above
    `EXACT_UP_TO` seeds it is over random flips and the observed order (Phipson & Smyth 2010).
    """
    kept, _ = flips(len(a))
    sums = np.abs(2 * (kept @ a) - a.sum())
    return float(np.mean(sums >= sums[0] - ROUNDING * np.abs(a).sum()))


def flip_regions(a: Floats, c: Floats) -> Regions:
    """For each sign flip, the b for which |sum s_i (a_i - b c_i)| >= |sum (a_i - b c_i)|.

    The bounds are the ratios of the sums over the seeds that are kept, and over those that are not
    (for c = 1 the means of subsets: Hartigan 1969). The difference of the two squares is
    -4 (A - b C)(A' - b C') with A, C the sums over the kept and A', C' over the others.
    """
    kept, _ = flips(len(a))
    sum_a, sum_c = kept @ a, kept @ c
    rest_a, rest_c = a.sum() - sum_a, c.sum() - sum_c
    others = kept.sum(axis=1) < len(a)
    lines = np.array([sum_a, sum_c, rest_a, rest_c])[:, others]
    # exposures whose sum is zero give no bound, or one that is as good as far away
    slack = 1e-14 * np.abs(c).sum()
    lines[1::2] = np.where(np.abs(lines[1::2]) <= slack, slack, lines[1::2])
    first, second = lines[0] / lines[1], lines[2] / lines[3]
    inside = lines[1] * lines[3] > 0
    return Regions(
        np.fmin(first, second), np.fmax(first, second), inside, always=int(np.sum(~others))
    )


def by_seed(a: Floats, c: Floats, *, n: int) -> Estimate:
    """b = sum a / sum c, with its interval by inverting the sign flips.

    The error is that of clusters: G / (G - 1) sum (a_i - b c_i)^2 / (sum c)^2 with G seeds (Liang &
    Zeger 1986), and df = G - 1; with c = 1 that of a mean. Tests of equivalence use it. `p` and
    the interval are the sign flips'. If the set is in pieces or unbounded, the interval is its
    hull, and the note has the set.

    Args:
        a: what the instrument moves in the outcome, a number a seed.
        c: what it moves in the exposure; ones for a mean.
        n: number of runs behind it.
    """
    seeds = len(a)
    if seeds < 2:
        return Estimate.unknown(f"{seeds} seeds", n)
    total = float(c.sum())
    if total == 0:
        return Estimate.unknown("the arms do not differ in exposure", n)
    b = float(a.sum()) / total
    left = a - b * c
    se = math.sqrt(seeds / (seeds - 1) * float(left @ left)) / abs(total)
    if flips(seeds)[1] and 0.5 ** (seeds - 1) > LEVEL:
        note = f"{seeds} seeds cannot reach p = {LEVEL:.2g}"
        return Estimate(b, n=n, note=note, p=flip_p(a), se=se, df=seeds - 1)
    found = flip_regions(a, c).accepted()
    simple = len(found.parts) == 1 and found.bounded
    note = "" if simple else f"95 % set: {found}"
    return Estimate(b, found.low, found.high, n, note, flip_p(a), se, seeds - 1)


def with_t(value: float, se: float, df: int, n: int) -> Estimate:
    """An estimate with Student's interval and p, for what has no sign flips."""
    reach = float(stdtrit(df, (1 + CONFIDENCE) / 2)) * se
    p = float(2 * stdtr(df, -abs(value) / se)) if se > 0 else math.nan
    return Estimate(value, value - reach, value + reach, n, p=p, se=se, df=df)
