"""Rules that decide whether a claim holds or fails, and how many runs are needed to decide it."""

import math
from dataclasses import dataclass
from typing import Literal

from disentangle.statistics.estimate import Estimate

Verdict = Literal["holds", "fails", "undecided"]

NEVER = "never"
"""Shown as the condition of a verdict that a rule cannot give."""


@dataclass(frozen=True)
class Region:
    """A closed interval of values; by default all values."""

    low: float = -math.inf
    high: float = math.inf

    def holds_all_of(self, estimate: Estimate) -> bool:
        """Whether the whole 95 % interval lies in it."""
        return self.low <= estimate.low and estimate.high <= self.high

    def margin(self, value: float) -> float:
        """Distance of a value within it to the nearest bound; negative outside."""
        return min(value - self.low, self.high - value)

    def said_of(self, quantity: str) -> str:
        """'ρ ≤ 0', 'ρ ≥ 0.5' or '-0.2 ≤ ρ ≤ 0.2'."""
        below = f"{self.low:.3g} ≤ " if math.isfinite(self.low) else ""
        above = f" ≤ {self.high:.3g}" if math.isfinite(self.high) else ""
        if below and not above:
            return f"{quantity} ≥ {self.low:.3g}"
        return f"{below}{quantity}{above}"


@dataclass(frozen=True)
class Rule:
    """Where a 95 % interval must lie as a whole.

    `holds` is checked before `fails`, so they may overlap: an effect of the claimed sign holds even
    if it is shown to be small. An interval that crosses the bounds is undecided.
    """

    quantity: str
    """The estimated quantity, as readers would write it."""
    holds: tuple[Region, ...]
    fails: tuple[Region, ...]

    def verdict(self, estimate: Estimate) -> Verdict:
        """Judge an estimate; without an interval the verdict is undecided."""
        if any(region.holds_all_of(estimate) for region in self.holds):
            return "holds"
        if any(region.holds_all_of(estimate) for region in self.fails):
            return "fails"
        return "undecided"

    @property
    def holds_if(self) -> str:
        """The condition on the interval for `holds`, in words."""
        return self._said(self.holds)

    @property
    def fails_if(self) -> str:
        """The condition on the interval for `fails`, in words."""
        return self._said(self.fails)

    def _said(self, regions: tuple[Region, ...]) -> str:
        return " or ".join(region.said_of(self.quantity) for region in regions) or NEVER

    def runs_to_decide(self, estimate: Estimate) -> float:
        """Approximate number of runs of the same design needed to decide, at the same estimate.

        The width of an interval falls with the square root of n. The number is n (w / m)^2, where w
        is the longer arm of the current interval and m the estimate's largest margin within a
        region. NaN without an interval, or if the estimate is on a bound of both regions.
        """
        if not math.isfinite(estimate.low + estimate.high):
            return math.nan
        arm = max(estimate.high - estimate.value, estimate.value - estimate.low)
        margin = max(region.margin(estimate.value) for region in (*self.holds, *self.fails))
        if margin <= 0 or arm <= 0:
            return math.nan
        return math.ceil(estimate.n * (arm / margin) ** 2)


def below(quantity: str, bound: float) -> Rule:
    """Holds below a bound and fails above it."""
    return Rule(quantity, (Region(high=bound),), (Region(low=bound),))


def above(quantity: str, bound: float) -> Rule:
    """Holds above a bound and fails below it."""
    return Rule(quantity, (Region(low=bound),), (Region(high=bound),))


def negative(quantity: str, *, negligible: float) -> Rule:
    """Holds below 0; fails above 0, and if the quantity is shown to be negligible.

    Without the latter the rule could not fail where there is no association at all.
    """
    fails = (Region(low=0), Region(-negligible, negligible))
    return Rule(quantity, (Region(high=0),), fails)


def within(quantity: str, bound: float) -> Rule:
    """Holds between minus and plus the bound; fails beyond either."""
    return Rule(quantity, (Region(-bound, bound),), (Region(high=-bound), Region(low=bound)))


def beyond(quantity: str, bound: float) -> Rule:
    """Holds beyond minus or plus the bound; fails between them."""
    return Rule(quantity, (Region(high=-bound), Region(low=bound)), (Region(-bound, bound),))


def of_known_sign(quantity: str) -> Rule:
    """Holds on either side of 0. It never fails, because no interval can show that a value is 0."""
    return Rule(quantity, (Region(high=0), Region(low=0)), ())


def at_least_one(quantity: str) -> Rule:
    """For a count with the interval [number found, number possible]: one is enough.

    It never fails: that a suite has none does not show that there could be none.
    """
    return Rule(quantity, (Region(low=1),), ())


def together(verdicts: list[Verdict]) -> Verdict:
    """The verdict on a claim with several parts: holds if all hold, fails if any fails."""
    if "fails" in verdicts:
        return "fails"
    return "holds" if verdicts and set(verdicts) == {"holds"} else "undecided"
