"""Two-stage least squares: what a change of rank by an intervention does to the outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from disentangle.causal.by_seed import by_seed, with_t
from disentangle.causal.confidence_set import ConfidenceSet, fieller
from disentangle.causal.sample import Sample
from disentangle.statistics.bootstrap import CONFIDENCE, Floats
from disentangle.statistics.estimate import Estimate

# A fitted exposure that varies less than this, relative to the exposure, does not vary.
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class TwoStage:
    """The slope, and what each seed adds to it."""

    slope: Estimate
    a: Floats
    """Product of fitted exposure and outcome, summed over each seed's runs: the slope is
    sum a / sum c."""
    c: Floats
    """The same with exposure in place of outcome."""
    seeds: Floats
    """The seeds, by their place in the panel."""

    @property
    def known(self) -> bool:
        """Whether there is a slope."""
        return bool(np.isfinite(self.slope.value))


def _fitted(found: Sample, columns: Floats) -> Floats:
    """First stage: the columns (n x m) as far as arms explain them within blocks."""
    instruments = found.instruments()
    return np.asarray(instruments @ np.linalg.lstsq(instruments, columns, rcond=None)[0])


def two_stage(found: Sample) -> TwoStage:
    """b of  outcome = block + b exposure + e, with indicators of the arms as instruments.

    b = sum x^ y / sum x^ x with x^ the exposure fitted by arm within blocks. The error is clustered
    by seed with G / (G - 1) and t with G - 1 degrees of freedom: blocks lie within seeds, so their
    effects cost no degrees of freedom (Cameron & Miller 2015). The interval inverts the test of
    Anderson & Rubin (1949) with the fitted exposure as the one instrument, by sign flips of seeds:
    it is never empty, always contains b, and assumes no equal variance of the arms.

    Assumes that arms act on the outcome through the exposure alone, and linearly.
    """
    nothing = np.empty(0)
    if found.n < 2:
        return TwoStage(Estimate.unknown("no two arms to compare"), nothing, nothing, nothing)
    x, y = found.within(found.exposure), found.within(found.outcome)
    fitted = _fitted(found, x[:, None])[:, 0]
    if fitted @ fitted <= NEGLIGIBLE * max(float(found.exposure @ found.exposure), 1e-300):
        note = "the arms do not differ in exposure"
        return TwoStage(Estimate.unknown(note, found.n), nothing, nothing, nothing)
    a, c = found.by_seed(fitted * y), found.by_seed(fitted * x)
    seeds = np.unique(found.seed)
    # a seed whose arms' fitted exposures do not differ says nothing
    kept = (np.abs(c) > 1e-12 * np.abs(c).max()) | (np.abs(a) > 1e-12 * np.abs(a).max())
    return TwoStage(by_seed(a[kept], c[kept], n=found.n), a[kept], c[kept], seeds[kept] * 1.0)


@dataclass(frozen=True)
class Quadratic:
    """outcome = block + b1 x + b2 x^2 + e."""

    at: tuple[float, float]
    """Least and largest mean exposure of an arm."""
    lowest: Estimate
    """Slope there."""
    highest: Estimate
    bend: Estimate
    """b2."""
    turning_point: float
    """Exposure at which the slope is zero, -b1 / (2 b2); it may lie outside."""
    turning: ConfidenceSet
    """Its 95 % set (Fieller 1954)."""


def quadratic(found: Sample) -> Quadratic | None:
    """The two-stage parabola, by the same instruments; None with fewer than three arms.

    Errors are clustered by seed and intervals are Student's with G - 1 degrees of freedom. A U has
    slopes of opposite signs at the two ends; the sign of b2 is not enough (Lind & Mehlum 2010).
    """
    _, counts = np.unique(found.arm, return_counts=True)
    seeds = len(np.unique(found.seed))
    if len(counts) < 3 or seeds < 3:
        return None
    means = np.bincount(found.arm, found.exposure) / counts
    middle = float(found.exposure.mean())
    x = found.exposure - middle
    columns = found.within(np.column_stack([x, x**2]))
    y = found.within(found.outcome)
    fitted = _fitted(found, columns)
    if np.linalg.matrix_rank(fitted, tol=1e-9 * float(np.abs(columns).max())) < 2:
        return None
    inverse = np.linalg.inv(fitted.T @ columns)
    b = inverse @ (fitted.T @ y)
    scores = found.by_seed(fitted * (y - columns @ b)[:, None])
    covariance = seeds / (seeds - 1) * inverse @ (scores.T @ scores) @ inverse.T

    def along(direction: Floats) -> Estimate:
        se = float(np.sqrt(direction @ covariance @ direction))
        return with_t(float(direction @ b), se, seeds - 1, found.n)

    low, high = float(means.min()), float(means.max())
    ends = [along(np.array([1.0, 2 * (end - middle)])) for end in (low, high)]
    # -b1 / (2 b2) as a ratio n / d, with n = -b1 and d = 2 b2
    change = np.diag([-1.0, 2.0])
    reach = float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2))
    n, d = change @ b
    turning = fieller(float(n), float(d), change @ covariance @ change, reach)
    moved = tuple((low_ + middle, high_ + middle) for low_, high_ in turning.parts)
    return Quadratic(
        (low, high),
        ends[0],
        ends[1],
        along(np.array([0.0, 1.0])),
        float(n / d) + middle if d else float("nan"),
        replace(turning, parts=moved),
    )
