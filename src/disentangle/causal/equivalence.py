"""Is an effect shown to be smaller than a bound? Two one-sided tests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from disentangle.causal.confidence_set import LEVEL
from disentangle.statistics.estimate import Estimate

MOST_SEEDS = 10**6


@dataclass(frozen=True)
class Equivalence:
    """|effect| < bound, by two one-sided tests (Schuirmann 1987)."""

    bound: float
    p: float
    """The larger p of the two; below 5 % the effect is shown to be within the bound."""
    low: float
    """Lower end of the 90 % interval, which then lies within the bound."""
    high: float
    further_seeds: float
    """Seeds to add until the 90 % interval would lie within or outside of the bound, if estimate
    and noise stay as they are. 0: it does; NaN: it never would."""


def equivalence(effect: Estimate, bound: float, *, times: float = 1) -> Equivalence:
    """Test |times x effect| < bound by the effect's standard error and Student's t.

    Args:
        effect: with `se` and `df`; it has df + 1 seeds.
        bound: in the unit of times x effect.
        times: such as .1 for a slope per unit of R/d that is judged per tenth.
    """
    value, se, df = times * effect.value, abs(times) * effect.se, effect.df
    if not (math.isfinite(value) and math.isfinite(bound) and se > 0 and df > 0):
        return Equivalence(bound, math.nan, math.nan, math.nan, math.nan)
    above = float(stdtr(df, -(value + bound) / se))
    below = float(stdtr(df, (value - bound) / se))
    reach = float(stdtrit(df, 1 - LEVEL)) * se
    further = _further_seeds(abs(value), se, df + 1, bound)
    return Equivalence(bound, max(above, below), value - reach, value + reach, further)


def _further_seeds(value: float, se: float, seeds: int, bound: float) -> float:
    margin = abs(bound - value)

    def decides(n: int) -> bool:
        return float(stdtrit(n - 1, 1 - LEVEL)) * se * math.sqrt(seeds / n) <= margin

    if decides(seeds):
        return 0.0
    if not decides(MOST_SEEDS):
        return math.nan
    few, enough = seeds, MOST_SEEDS
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if decides(middle) else (middle, enough)
    return float(enough - seeds)
