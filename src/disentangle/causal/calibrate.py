"""How far the estimators of an experiment can be trusted: simulated worlds of its own design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from disentangle.causal.anderson_rubin import anderson_rubin
from disentangle.causal.by_seed import with_t
from disentangle.causal.confidence_set import LEVEL
from disentangle.causal.equivalence import equivalence
from disentangle.causal.levers import levers, together
from disentangle.causal.overidentification import over_arms, over_levers
from disentangle.causal.paired import comparisons, contrast
from disentangle.causal.sample import sample
from disentangle.causal.settings import BOUND, TENTH
from disentangle.causal.two_stage import quadratic, two_stage
from disentangle.causal.worlds import REACHED, WORLDS, World, panel
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.clustered import clustered_slope
from disentangle.statistics.multiplicity import holm

PERMUTATIONS = 999

PANEL = panel()

LOWEST_ARM, HIGHEST_ARM = 1, 4
"""The lowest and the highest dose."""

EPSILON = 1e-4


@dataclass(frozen=True)
class Answer:
    """What one estimator says of one simulated experiment."""

    estimator: str
    found: bool
    """Whether its test is significant at 5 %."""
    value: float = float("nan")
    covers: bool | None = None
    """Whether its 95 % set contains the truth; None if it has none."""
    width: float = float("nan")


@dataclass(frozen=True)
class Truth:
    """What is so in a world."""

    effect: float
    """Of the lowest dose."""
    slope: float
    """What two-stage least squares of the doses estimates."""
    one_slope: bool
    """Whether all levers have this slope."""
    straight: bool
    ends: tuple[float, float]
    """Slopes at the lowest and at the highest dose."""
    idle: frozenset[int]
    """Arms that do nothing at all, compared with the control."""

    @property
    def idle_pair(self) -> bool:
        """Whether the hard limit does nothing beyond factors."""
        return self.slope == 0 and self.one_slope

    @classmethod
    def of(cls, world: World) -> Truth:
        """The truth in a world."""
        mean = world.mean_loss()
        doses = list(PANEL.doses)
        weights = REACHED[doses] - REACHED[doses].mean()
        slope = float(weights @ mean[doses] / (weights @ REACHED[doses]))
        direct = world.direct()

        def at(arm: int) -> float:
            steps = REACHED[arm] + np.array([EPSILON, -EPSILON])
            by_rank = float(np.subtract(*world.by_rank(steps))) / (2 * EPSILON)
            return by_rank + direct[arm] / (REACHED[arm] - REACHED[0])

        ends = (at(LOWEST_ARM), at(HIGHEST_ARM))
        straight = abs(ends[0] - ends[1]) < 1e-9
        idle = {arm for arm in range(1, len(mean)) if abs(mean[arm] - mean[0]) < 1e-12}
        return cls(
            float(mean[LOWEST_ARM] - mean[0]),
            0.0 if abs(slope) < 1e-12 else slope,
            not direct.any() and straight,
            straight,
            ends,
            frozenset(idle),
        )


def answers(outcome: Floats, exposure: Floats, truth: Truth) -> Iterator[Answer]:
    """What every estimator says of one simulated experiment.

    Args:
        outcome: seeds x arms.
        exposure: likewise.
        truth: what is so.
    """

    def said(name: str, estimate: Any, target: float) -> Answer:
        covers = bool(estimate.low <= target <= estimate.high)
        width = estimate.high - estimate.low
        return Answer(name, bool(estimate.p < LEVEL), estimate.value, covers, width)

    effects = [contrast(outcome, pair.weights) for pair in comparisons(PANEL)]
    yield said("lowest dose minus control", effects[LOWEST_ARM - 1], truth.effect)
    adjusted = holm([effect.p for effect in effects])
    false = [
        adjusted[place] < LEVEL
        for place, pair in enumerate(comparisons(PANEL))
        if (pair.arm in truth.idle if pair.reference == 0 else truth.idle_pair)
    ]
    yield Answer("any idle arm, Holm", any(false))

    doses, *_ = levers(PANEL)
    runs = sample(outcome, exposure, doses.groups)
    slope = two_stage(runs).slope
    yield said("two-stage, doses", slope, truth.slope)
    student = with_t(slope.value, slope.se, slope.df, slope.n)
    yield said("two-stage, doses, Student's t", student, truth.slope)
    ar = anderson_rubin(runs, permutations=PERMUTATIONS, seed=0)
    width = ar.accepted.high - ar.accepted.low
    covers = truth.slope in ar.accepted
    yield Answer("Anderson-Rubin, all doses", ar.p < LEVEL, covers=covers, width=width)
    test = equivalence(slope, BOUND, times=TENTH)
    yield Answer("equivalence of the slope", test.p < LEVEL)

    fits = [two_stage(sample(outcome, exposure, lever.groups)) for lever in levers(PANEL)]
    every = together(PANEL)
    assert every is not None
    over_all = two_stage(sample(outcome, exposure, every.groups)).slope
    if truth.one_slope:
        yield said("two-stage, all levers", over_all, truth.slope)
    yield Answer("J over levers", over_levers(fits).p < LEVEL)
    yield Answer("J over doses", over_arms(outcome, exposure, PANEL.doses).p < LEVEL)

    bent = quadratic(runs)
    assert bent is not None
    yield said("parabola, lowest dose", bent.lowest, truth.ends[0])
    yield said("parabola, highest dose", bent.highest, truth.ends[1])
    opposite = bent.lowest.value * bent.highest.value < 0
    yield Answer("U, both ends", opposite and max(bent.lowest.p, bent.highest.p) < LEVEL)

    known = np.isfinite(outcome[:, 0])
    y, x = outcome[known, 0], exposure[known, 0]
    seen = clustered_slope(y, x, np.ones((len(y), 1)), np.arange(len(y)))
    unit = float(y.std() / x.std())
    target = truth.slope / unit if truth.one_slope else 0.0
    covers = bool(seen.low <= target <= seen.high)
    width = (seen.high - seen.low) * unit
    name = "observation of the control"
    yield Answer(name, bool(seen.p < LEVEL), seen.value * unit, covers, width)


def truths_of(truth: Truth) -> dict[str, tuple[float, bool]]:
    """Estimator to what it estimates (NaN if it only tests), and whether its null is true."""
    nan = float("nan")
    causal = truth.slope if truth.one_slope else 0.0
    inside = abs(TENTH * truth.slope) < BOUND - 1e-12
    return {
        "lowest dose minus control": (truth.effect, truth.effect == 0),
        "any idle arm, Holm": (nan, True),
        "two-stage, doses": (truth.slope, truth.slope == 0),
        "two-stage, doses, Student's t": (truth.slope, truth.slope == 0),
        "Anderson-Rubin, all doses": (truth.slope, truth.slope == 0 and truth.straight),
        "equivalence of the slope": (nan, not inside),
        "two-stage, all levers": (truth.slope, truth.slope == 0),
        "J over levers": (nan, truth.one_slope),
        "J over doses": (nan, truth.straight),
        "parabola, lowest dose": (truth.ends[0], abs(truth.ends[0]) < 1e-9),
        "parabola, highest dose": (truth.ends[1], abs(truth.ends[1]) < 1e-9),
        "U, both ends": (nan, truth.ends[0] * truth.ends[1] >= 0),
        "observation of the control": (causal, causal == 0),
    }


def _share(found: Sequence[bool]) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson 1927)."""
    if not found:
        return np.nan, np.nan, np.nan
    test = binomtest(int(np.sum(found)), len(found))
    bounds = test.proportion_ci(method="wilson")
    return float(test.statistic), float(bounds.low), float(bounds.high)


def calibrate(
    *, worlds: int = 1000, seed: int = 0, names: Sequence[str] = tuple(WORLDS)
) -> list[dict[str, Any]]:
    """Simulate experiments in every world and apply every estimator to them.

    Args:
        worlds: simulated experiments per world.
        seed: random seed.
        names: which of `WORLDS`.

    Returns:
        Rows of the table `causal_calibration`.
    """
    rows = []
    for number, (name, world) in enumerate(WORLDS.items()):
        if name not in names:
            continue
        truth = Truth.of(world)
        said: dict[str, list[Answer]] = {}
        for one in range(worlds):
            drawn = world.draw(np.random.default_rng([seed, number, one]))
            for answer in answers(*drawn, truth):
                said.setdefault(answer.estimator, []).append(answer)
        targets = truths_of(truth)
        rows += [
            {"world": name} | _summary(estimator, given, *targets[estimator])
            for estimator, given in said.items()
        ]
    return rows


def _summary(estimator: str, given: Sequence[Answer], target: float, null: bool) -> dict[str, Any]:
    found, low, high = _share([answer.found for answer in given])
    covered = [answer.covers for answer in given if answer.covers is not None]
    coverage, coverage_low, coverage_high = _share([bool(one) for one in covered])
    values = np.array([answer.value for answer in given])
    widths = np.array([answer.width for answer in given])
    widths = widths[~np.isnan(widths)]
    return {
        "estimator": estimator,
        "truth": target,
        "null": null,
        "worlds": len(given),
        "found": found,
        "found_low": low,
        "found_high": high,
        "coverage": coverage,
        "coverage_low": coverage_low,
        "coverage_high": coverage_high,
        "bias": float(values.mean() - target) if np.isfinite(values).all() else np.nan,
        "width": float(np.median(widths)) if len(widths) else np.nan,
    }
