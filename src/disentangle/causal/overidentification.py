"""Do different levers give one slope? If rank is the cause, they must."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from disentangle.causal.by_seed import with_t
from disentangle.causal.two_stage import TwoStage
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.estimate import Estimate

ROUNDS = 200


@dataclass(frozen=True)
class OverIdentification:
    """Hansen's J."""

    j: float
    df: int
    """Levers less one."""
    p: float
    """By F, for few seeds."""
    p_asymptotic: float
    """By chi-square."""
    slope: float
    """The one slope that fits the levers best."""
    seeds: int
    note: str = ""


def _unknown(note: str, seeds: int, df: int) -> OverIdentification:
    return OverIdentification(math.nan, df, math.nan, math.nan, math.nan, seeds, note)


def hansen(a: Floats, c: Floats) -> OverIdentification:
    """J of the moments  mean over seeds of a_il - b c_il = 0  for every lever l, with one b.

    J = G m' S^-1 m at the b that minimises it, with m the L means over G seeds and S their centred
    covariance at b, iterated until b stays (Hansen 1982; Hansen, Heaton & Yaron 1996). As moments
    are sums over seeds, it is clustered by seed.

    Asymptotically J is chi-square with q = L - 1 degrees of freedom, which rejects too often with
    12 seeds. J (G - 1) / G is Hotelling's T^2 of the q combinations of a in which c cancels, as far
    as c is known well, so p is by F(q, G - q) of J (G - q) / (G q) (Anderson 2003, ch. 5).

    Args:
        a: outcome moved by each lever's instrument, seeds x levers.
        c: exposure moved by it.
    """
    seeds, count = a.shape
    df = count - 1
    if df < 1:
        return _unknown("one lever alone", seeds, df)
    if seeds <= count + 1:
        return _unknown(f"{seeds} seeds for {count} levers", seeds, df)
    # the unit of a lever's instrument must not decide what is singular
    size = np.sqrt((c**2).mean(axis=0))
    if not (size > 0).all():
        return _unknown("a lever does not move the exposure", seeds, df)
    a, c = a / size, c / size
    mean_a, mean_c = a.mean(axis=0), c.mean(axis=0)
    b = float(mean_a @ mean_c / (mean_c @ mean_c))
    inverse = np.eye(count)
    for _ in range(ROUNDS):
        left = a - mean_a - b * (c - mean_c)
        values, vectors = np.linalg.eigh(left.T @ left / seeds)
        if values[0] <= 1e-12 * values[-1]:
            return _unknown("the levers' noise is collinear", seeds, df)
        inverse = (vectors / values) @ vectors.T
        before, b = b, float(mean_c @ inverse @ mean_a / (mean_c @ inverse @ mean_c))
        if abs(b - before) <= 1e-12 * max(abs(b), 1e-6):
            break
    mean = mean_a - b * mean_c
    j = float(seeds * mean @ inverse @ mean)
    f = j * (seeds - df) / (seeds * df)
    p = float(fdtrc(df, seeds - df, f))
    return OverIdentification(j, df, p, float(chdtrc(df, j)), b, seeds)


def over_levers(fits: Sequence[TwoStage]) -> OverIdentification:
    """`hansen` of several levers, over the seeds that all of them have."""
    if not all(fit.known for fit in fits):
        return _unknown("a lever has no slope", 0, len(fits) - 1)
    common = sorted(set.intersection(*(set(fit.seeds.tolist()) for fit in fits)))
    a, c = (
        np.column_stack([values[np.isin(fit.seeds, common)] for fit, values in pairs])
        for pairs in ([(fit, fit.a) for fit in fits], [(fit, fit.c) for fit in fits])
    )
    return hansen(a, c)


def over_arms(outcome: Floats, exposure: Floats, arms: Sequence[int]) -> OverIdentification:
    """`hansen` of the differences of each arm to the first: exclusion and linearity within a lever.

    Args:
        outcome: seeds x arms, NaN where there is no run.
        exposure: likewise.
        arms: places of the arms, the reference first.
    """
    pairs = [values[:, arms[1:]] - values[:, arms[:1]] for values in (outcome, exposure)]
    known = np.isfinite(pairs[0] + pairs[1]).all(axis=1)
    return hansen(pairs[0][known], pairs[1][known])


def slope_difference(first: TwoStage, second: TwoStage) -> Estimate:
    """One lever's slope minus another's, with an error clustered by seed.

    Each slope's deviation is a sum over seeds of (a_i - b c_i) / sum c, and seeds that both have
    count with their difference, as the levers share the control.
    """
    n = first.slope.n + second.slope.n
    if not (first.known and second.known):
        return Estimate.unknown("a lever has no slope", n)
    seeds = sorted({*first.seeds.tolist(), *second.seeds.tolist()})
    if len(seeds) < 2:
        return Estimate.unknown(f"{len(seeds)} seeds", n)
    moved = np.zeros(len(seeds))
    for fit, sign in ((first, 1.0), (second, -1.0)):
        place = np.searchsorted(seeds, fit.seeds)
        moved[place] += sign * (fit.a - fit.slope.value * fit.c) / fit.c.sum()
    se = math.sqrt(len(seeds) / (len(seeds) - 1) * float(moved @ moved))
    return with_t(first.slope.value - second.slope.value, se, len(seeds) - 1, n)
