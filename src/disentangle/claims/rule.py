"""When a claim holds, when it fails, in words and in deed, and how many runs would decide it."""

import math
from dataclasses import dataclass
from typing import Literal

from disentangle.statistics.estimate import Estimate

Verdict = Literal["holds", "fails", "undecided"]

NEVER = "never"
"""What is said of a verdict that a rule cannot give."""


@dataclass(frozen=True)
class Region:
    """An interval of values, its bounds among them; without bounds, all values."""

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

    `holds` is asked first, then `fails`, so they may overlap: a small effect of the claimed sign,
    shown to be small, still has it. What lies across their bounds is undecided.
    """

    quantity: str
    """What is estimated, as a reader would write it."""
    holds: tuple[Region, ...]
    fails: tuple[Region, ...]

    def verdict(self, estimate: Estimate) -> Verdict:
        """Judge an estimate; one without an interval decides nothing."""
        if any(region.holds_all_of(estimate) for region in self.holds):
            return "holds"
        if any(region.holds_all_of(estimate) for region in self.fails):
            return "fails"
        return "undecided"

    @property
    def holds_if(self) -> str:
        """What `holds` asks of the whole interval, in words."""
        return self._said(self.holds)

    @property
    def fails_if(self) -> str:
        """What `fails` asks of the whole interval, in words."""
        return self._said(self.fails)

    def _said(self, regions: tuple[Region, ...]) -> str:
        return " or ".join(region.said_of(self.quantity) for region in regions) or NEVER

    def runs_to_decide(self, estimate: Estimate) -> float:
        """About how many runs of the same design would decide, if the estimate stayed where it is.

        An interval's width falls with the square root of n, so n (w / m)^2, with w the longer arm
        of today's interval and m the largest margin that the estimate has within a region. NaN
        without an interval, and where the estimate sits on a bound of both.
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
    """Holds below 0; fails above it, and where it is shown to be within the negligible.

    Without the latter nothing could ever speak against a sign where there is no association at all.
    """
    fails = (Region(low=0), Region(-negligible, negligible))
    return Rule(quantity, (Region(high=0),), fails)


def within(quantity: str, bound: float) -> Rule:
    """Holds between minus and plus the bound; fails wholly beyond either."""
    return Rule(quantity, (Region(-bound, bound),), (Region(high=-bound), Region(low=bound)))


def of_known_sign(quantity: str) -> Rule:
    """Holds on either side of 0. No interval shows that there is no sign, so it never fails."""
    return Rule(quantity, (Region(high=0), Region(low=0)), ())


def at_least_one(quantity: str) -> Rule:
    """Of a count, whose interval is what was found and what there may be: one is enough."""
    return Rule(quantity, (Region(low=1),), (Region(high=0),))


def together(verdicts: list[Verdict]) -> Verdict:
    """Of a claim with several parts: all must hold, and one that fails is enough."""
    if "fails" in verdicts:
        return "fails"
    return "holds" if verdicts and set(verdicts) == {"holds"} else "undecided"
