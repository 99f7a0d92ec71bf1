"""When a claim holds, when it fails, and how many runs would decide it."""

import math
from dataclasses import dataclass
from typing import Literal

from disentangle.statistics.estimate import Estimate

Verdict = Literal["holds", "fails", "undecided"]


@dataclass(frozen=True)
class Region:
    """An interval of values; without bounds, all of them."""

    low: float = -math.inf
    high: float = math.inf

    def holds_all_of(self, estimate: Estimate) -> bool:
        """Whether the whole 95 % interval lies in it."""
        return self.low <= estimate.low and estimate.high <= self.high

    def margin(self, value: float) -> float:
        """Distance of a value within it to the nearest bound; negative outside."""
        return min(value - self.low, self.high - value)


@dataclass(frozen=True)
class Rule:
    """Where a 95 % interval must lie as a whole.

    The regions may overlap: a small effect of the claimed sign, shown to be small, still has it, so
    `holds` is asked first. What lies across their bounds is undecided.
    """

    expected: str
    holds: Region
    fails: tuple[Region, ...]

    def verdict(self, estimate: Estimate) -> Verdict:
        """Judge an estimate; one without an interval decides nothing."""
        if self.holds.holds_all_of(estimate):
            return "holds"
        if any(region.holds_all_of(estimate) for region in self.fails):
            return "fails"
        return "undecided"

    def runs_to_decide(self, estimate: Estimate) -> float:
        """About how many runs of the same design would decide, if the estimate stayed where it is.

        An interval's width falls with the square root of n, so n (w / m)^2, with w the longer arm
        of today's interval and m the largest margin that the estimate has within a region. NaN
        without an interval, and where the estimate sits on a bound of both.
        """
        if not math.isfinite(estimate.low + estimate.high):
            return math.nan
        arm = max(estimate.high - estimate.value, estimate.value - estimate.low)
        margin = max(region.margin(estimate.value) for region in (self.holds, *self.fails))
        if margin <= 0 or arm <= 0:
            return math.nan
        return math.ceil(estimate.n * (arm / margin) ** 2)


def below(bound: float, *, unless_above: float, expected: str) -> Rule:
    """Holds below a bound; fails where as little as `unless_above` is excluded."""
    return Rule(expected, Region(high=bound), (Region(low=unless_above),))


def above(bound: float, *, unless_below: float, expected: str) -> Rule:
    """Holds above a bound; fails where as much as `unless_below` is excluded."""
    return Rule(expected, Region(low=bound), (Region(high=unless_below),))


def within(bound: float, *, expected: str) -> Rule:
    """Holds between minus and plus the bound; fails wholly beyond either."""
    return Rule(expected, Region(-bound, bound), (Region(high=-bound), Region(low=bound)))


def together(verdicts: list[Verdict]) -> Verdict:
    """Of a claim with several parts: all must hold, and one that fails is enough."""
    if "fails" in verdicts:
        return "fails"
    return "holds" if verdicts and set(verdicts) == {"holds"} else "undecided"
