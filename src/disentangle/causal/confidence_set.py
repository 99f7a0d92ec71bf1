"""The values that a test does not reject: a set that may be empty, unbounded or in pieces."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from disentangle.statistics.bootstrap import CONFIDENCE, Floats

LEVEL = round(1 - CONFIDENCE, 9)

# Quadratics whose coefficients are smaller than this, in units of the observed one, are zero.
NEGLIGIBLE = 1e-10


@dataclass(frozen=True)
class ConfidenceSet:
    """Closed intervals in ascending order, which do not touch."""

    parts: tuple[tuple[float, float], ...]

    @property
    def empty(self) -> bool:
        """Whether every value is rejected."""
        return not self.parts

    @property
    def low(self) -> float:
        """The least value; NaN if there is none."""
        return self.parts[0][0] if self.parts else math.nan

    @property
    def high(self) -> float:
        """The largest value; NaN if there is none."""
        return self.parts[-1][1] if self.parts else math.nan

    @property
    def bounded(self) -> bool:
        """Whether it has a least and a largest value."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def __contains__(self, value: float) -> bool:
        return any(low <= value <= high for low, high in self.parts)

    def __str__(self) -> str:
        if self.empty:
            return "empty"
        if self.parts == ((-math.inf, math.inf),):
            return "all values"
        return " or ".join(_said(*part) for part in self.parts)


def _said(low: float, high: float) -> str:
    if low == -math.inf:
        return f"<= {high:+.3g}"
    return f">= {low:+.3g}" if high == math.inf else f"[{low:+.3g}, {high:+.3g}]"


@dataclass(frozen=True)
class Regions:
    """For each of many rearrangements, the values for which it is at least as extreme as observed.

    Either those from `low` to `high` (`inside`), or those up to `low` and from `high` on.
    """

    low: Floats
    high: Floats
    inside: NDArray[np.bool_]
    always: int = 0
    """How many more are as extreme for every value: the observed order among them."""
    never: int = 0
    """How many more are so for none."""

    @property
    def total(self) -> int:
        """Number of rearrangements."""
        return len(self.low) + self.always + self.never

    def with_observed(self) -> Regions:
        """With the observed order too, for random rearrangements (Phipson & Smyth 2010)."""
        return replace(self, always=self.always + 1)

    def accepted(self, level: float = LEVEL) -> ConfidenceSet:
        """The values whose p, the share of rearrangements as extreme, is above the level.

        p changes at the regions' ends alone, so the set is exact, without a grid.
        """
        # the least number of rearrangements whose share is above the level
        needed = math.floor(level * self.total + 1e-9) + 1
        least = needed - self.always
        if self.inside.all() and 0 < least <= len(self.low) and self.low.max() <= self.high.min():
            # all regions share a value, so p rises up to it and falls after it
            low = np.partition(self.low, least - 1)[least - 1]
            high = np.partition(self.high, len(self.high) - least)[-least]
            return ConfidenceSet(((float(low), float(high)),))
        return self._by_sweep(needed)

    def _by_sweep(self, needed: int) -> ConfidenceSet:
        starts = np.sort(np.where(self.inside, self.low, self.high))
        ends = np.sort(np.where(self.inside, self.high, self.low))
        points = np.unique(np.concatenate([starts, ends]))
        points = points[np.isfinite(points)]
        base = self.always + int(np.sum(~self.inside))
        begun = np.searchsorted(starts, points, side="right")
        at = base + begun - np.searchsorted(ends, points, side="left")
        after = base + begun - np.searchsorted(ends, points, side="right")
        before = base + int(np.sum(starts == -math.inf)) - int(np.sum(ends == -math.inf))
        # stretches in turn: below the first point, the point, between it and the next, ...
        counts = np.empty(2 * len(points) + 1)
        counts[0], counts[1::2], counts[2::2] = before, at, after
        kept = counts >= needed
        lows = np.concatenate([[-math.inf], np.repeat(points, 2)])
        highs = np.concatenate([np.repeat(points, 2), [math.inf]])
        change = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int)))
        parts = [
            (float(lows[first]), float(highs[last - 1]))
            for first, last in zip(change[::2], change[1::2], strict=True)
        ]
        return ConfidenceSet(tuple(parts))


def where_not_negative(quadratics: Floats, scale: Floats) -> Regions:
    """Where  a b^2 + b b' + c >= 0  for each row (a, b', c) of `quadratics` (m x 3).

    `scale`: size of the three coefficients; those far below it are taken as zero.
    """
    a, b, c = np.where(np.abs(quadratics) <= NEGLIGIBLE * scale, 0.0, quadratics).T
    inner = b**2 - 4 * a * c
    crosses = (a != 0) & (inner > 0)
    straight = (a == 0) & (b != 0)
    root = np.sqrt(np.where(crosses, inner, 0.0))
    # without cancellation: one root from the sum of equal signs, the other from their product c / a
    sum_ = -(b + np.where(b < 0, -root, root)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        first = sum_ / a
        second = np.where(sum_ != 0, c / sum_, -first)
        zero = -c / b
    low = np.where(crosses, np.fmin(first, second), np.where(b > 0, zero, -math.inf))
    high = np.where(crosses, np.fmax(first, second), np.where(b > 0, math.inf, zero))
    bounded = crosses | straight
    # without a root the sign is that of a or, where that is zero too, of c
    sure = np.where(a != 0, a > 0, c >= 0)
    return Regions(
        low[bounded],
        high[bounded],
        np.where(crosses, a < 0, True)[bounded],
        always=int(np.sum(sure[~bounded])),
        never=int(np.sum(~sure[~bounded])),
    )


def fieller(
    numerator: float, denominator: float, covariance: Floats, reach: float
) -> ConfidenceSet:
    """The ratios r for which |numerator - r denominator| is at most `reach` standard errors.

    Fieller (1954): (n - r d)^2 <= reach^2 (v_nn - 2 r v_nd + r^2 v_dd), a quadratic in r. The set
    is unbounded if the denominator may be zero.

    Args:
        numerator: n.
        denominator: d.
        covariance: of both, 2 x 2.
        reach: quantile of t, or of the normal distribution.
    """
    v = covariance * reach**2
    quadratic = np.array(
        [
            v[1, 1] - denominator**2,
            2 * (numerator * denominator - v[0, 1]),
            v[0, 0] - numerator**2,
        ]
    )
    return where_not_negative(quadratic[None], np.zeros(3)).accepted(0.5)
