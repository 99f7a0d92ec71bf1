"""Two-stage least squares: linearmodels', and Anderson and Rubin's sets by enumeration."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS

from disentangle.causal.anderson_rubin import anderson_rubin
from disentangle.causal.first_stage import first_stage, missed
from disentangle.causal.panel import Arm
from disentangle.causal.sample import Sample, sample
from disentangle.causal.two_stage import quadratic, two_stage

MEANS = np.array([0.64, 0.4, 0.6, 0.8, 0.97])
FIVE = [[0, 1, 2, 3, 4]]


def draw(
    slope: float = 0.1, *, seeds: int = 12, seed: int = 1, noise: float = 0.031
) -> tuple[np.ndarray, np.ndarray]:
    """Outcome and exposure, seeds x arms."""
    rng = np.random.default_rng(seed)
    x = MEANS + rng.normal(0, 0.02, (seeds, 5))
    return 3 + rng.normal(0, 0.05, (seeds, 1)) + slope * x + rng.normal(0, noise, (seeds, 5)), x


def dummies(values: np.ndarray, name: str) -> pd.DataFrame:
    return pd.get_dummies(pd.Series(values), prefix=name).astype(float)


def theirs(found: Sample, columns: dict[str, np.ndarray]) -> object:
    """linearmodels' fit, with errors clustered by seed."""
    return IV2SLS(
        found.outcome,
        dummies(found.block, "block"),
        pd.DataFrame(columns),
        dummies(found.arm, "arm").iloc[:, 1:],
    ).fit(cov_type="clustered", clusters=found.seed)


@pytest.mark.parametrize("lacking", [False, True])
def test_slope_and_error_are_those_of_linearmodels(lacking: bool) -> None:
    y, x = draw()
    if lacking:
        y[3, 2] = x[5, 0] = np.nan
        y[7, 1:] = np.nan  # a seed with one arm says nothing
    found = sample(y, x, FIVE)
    assert found.n == (60 - 7 if lacking else 60)
    ours, oracle = two_stage(found).slope, theirs(found, {"x": found.exposure})
    seeds = ours.df + 1
    assert seeds == (11 if lacking else 12)
    assert ours.value == pytest.approx(oracle.params["x"])
    # theirs is without the correction for few clusters
    assert ours.se == pytest.approx(oracle.std_errors["x"] * np.sqrt(seeds / (seeds - 1)))
    assert ours.low < ours.value < ours.high


def test_two_arms_give_the_ratio_of_differences() -> None:
    y, x = draw()
    ours = two_stage(sample(y, x, [[0, 1]])).slope
    ratio = (y[:, 1] - y[:, 0]).mean() / (x[:, 1] - x[:, 0]).mean()
    assert ours.value == pytest.approx(ratio)
    anderson = anderson_rubin(sample(y, x, [[0, 1]]), permutations=99, seed=0)
    # with two arms, permuting them is flipping the seed's sign, and all are enumerated
    assert (anderson.accepted.low, anderson.accepted.high) == pytest.approx((ours.low, ours.high))
    assert anderson.p == pytest.approx(ours.p)


def test_the_lever_of_factors_is_compared_with_factors() -> None:
    rng = np.random.default_rng(0)
    x = np.array([0.64, 0.4, 0.33, 0.6]) + rng.normal(0, 0.02, (12, 4))
    y = 3 + rng.normal(0, 0.05, (12, 1)) + 0.1 * x + rng.normal(0, 0.01, (12, 4))
    plain = two_stage(sample(y, x, [[0, 1], [2, 3]])).slope
    factors = y + np.array([0, 0, 0.7, 0.7])  # what factors do by themselves
    moved = two_stage(sample(factors, x, [[0, 1], [2, 3]])).slope
    assert (moved.value, moved.low, moved.se) == pytest.approx((plain.value, plain.low, plain.se))
    # with two arms in each group, fitted exposures are half of their mean difference
    pulls, gains = ([(v[:, 0] - v[:, 1]).mean(), (v[:, 3] - v[:, 2]).mean()] for v in (x, y))
    ratio = sum(pull * gain for pull, gain in zip(pulls, gains, strict=True))
    assert plain.value == pytest.approx(ratio / sum(p * p for p in pulls)) and plain.df == 11


def test_what_seeds_share_is_not_seen() -> None:
    y, x = draw()
    shifts = np.random.default_rng(9).normal(0, 50, (12, 1))
    ours, shifted = (two_stage(sample(v, x, FIVE)).slope for v in (y, y + shifts))
    assert (shifted.value, shifted.low, shifted.high, shifted.p) == pytest.approx(
        (ours.value, ours.low, ours.high, ours.p)
    )
    sets = [anderson_rubin(sample(v, x, FIVE), permutations=999, seed=0) for v in (y, y + shifts)]
    assert (sets[1].accepted.low, sets[1].p) == pytest.approx((sets[0].accepted.low, sets[0].p))


def test_anderson_and_rubins_set_is_that_of_all_permutations() -> None:
    y, x = (values[:4, :3] for values in draw(slope=0.5, seed=3))
    found = sample(y, x, [[0, 1, 2]])
    ours = anderson_rubin(found, permutations=9, seed=0)
    arms = np.tile(np.arange(3), (4, 1))

    def p_at(slope: float) -> float:
        left = (y - slope * x) - (y - slope * x).mean(axis=1, keepdims=True)

        def between(order: np.ndarray) -> float:
            return sum(left[order == arm].sum() ** 2 for arm in range(3))

        observed = between(arms)
        every = [between(np.array(rows)) for rows in product(permutations(range(3)), repeat=4)]
        return float(np.mean(np.array(every) >= observed - 1e-12))

    assert ours.p == pytest.approx(p_at(0.0))
    for slope in np.linspace(-2, 3, 51) + 1e-3:
        assert (p_at(slope) > 0.05) == (slope in ours.accepted)


def test_few_random_orders_reject_nothing() -> None:
    y, x = draw(slope=3.0)
    # with the observed order there are ten, so no p is below a tenth
    found = anderson_rubin(sample(y, x, FIVE), permutations=9, seed=0)
    assert found.p == 0.1 and str(found.accepted) == "all values"


def test_the_set_is_empty_if_an_arm_acts_beside_the_exposure() -> None:
    y, x = draw(noise=0.01)
    assert 0.1 in anderson_rubin(sample(y, x, FIVE), permutations=999, seed=0).accepted
    y[:, 2] += 0.1
    found = sample(y, x, FIVE)
    assert anderson_rubin(found, permutations=999, seed=0).accepted.empty
    # the slope has an interval all the same, which is why the set is shown beside it
    assert np.isfinite(two_stage(found).slope.low)


def test_weak_instruments_give_no_bounded_set() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(0.6, 0.05, (12, 2))
    y = rng.normal(3, 0.05, (12, 2))
    found = two_stage(sample(y, x, [[0, 1]])).slope
    assert np.isinf(found.low) and np.isinf(found.high) and "95 % set" in found.note
    assert first_stage(sample(y, x, [[0, 1]])).f < 10


def test_without_a_difference_in_exposure_there_is_no_slope() -> None:
    y, x = draw()
    assert "do not differ" in two_stage(sample(y, np.full_like(x, 0.5), FIVE)).slope.note
    assert "no two arms" in two_stage(sample(y * np.nan, x, FIVE)).slope.note


def test_f_is_that_of_an_analysis_of_variance() -> None:
    import statsmodels.formula.api as smf
    from statsmodels.stats.anova import anova_lm

    y, x = draw()
    x[2, 2] = np.nan
    found = sample(y, x, FIVE)
    frame = pd.DataFrame({"x": found.exposure, "arm": found.arm, "block": found.block})
    table = anova_lm(smf.ols("x ~ C(block) + C(arm)", frame).fit())
    ours = first_stage(found)
    assert (ours.f, ours.p) == pytest.approx(
        (table.loc["C(arm)", "F"], table.loc["C(arm)", "PR(>F)"])
    )
    assert (ours.df, ours.df_left) == (4, 59 - 12 - 4)


def test_a_controller_is_held_to_its_target_and_others_are_not() -> None:
    reached = np.array([0.41, 0.39, 0.45])
    assert missed(reached, Arm("low", "spectrum", 0.4)) == pytest.approx([0.01, -0.01, 0.05])
    assert len(missed(reached, Arm("start", "initial_spectrum", 0.4))) == 0


def test_the_parabola_is_that_of_linearmodels() -> None:
    y, x = draw()
    y[3, 2] = np.nan
    found = sample(y, x, FIVE)
    ours = quadratic(found)
    oracle = theirs(found, {"x": found.exposure, "x2": found.exposure**2})
    b, covariance = oracle.params, oracle.cov.loc[["x", "x2"], ["x", "x2"]].to_numpy() * 12 / 11
    assert ours is not None
    for end, slope in zip(ours.at, (ours.lowest, ours.highest), strict=True):
        direction = np.array([1, 2 * end])
        assert slope.value == pytest.approx(b["x"] + 2 * end * b["x2"])
        assert slope.se == pytest.approx(np.sqrt(direction @ covariance @ direction), rel=1e-6)
    assert ours.turning_point == pytest.approx(-b["x"] / (2 * b["x2"]))
    assert ours.bend.value == pytest.approx(b["x2"])


def test_a_planted_turning_point_is_in_its_set() -> None:
    _, x = draw()
    rng = np.random.default_rng(5)
    y = 3 + 2 * (x - 0.7) ** 2 + rng.normal(0, 0.01, x.shape)
    ours = quadratic(sample(y, x, FIVE))
    assert ours is not None
    assert ours.lowest.high < 0 < ours.highest.low
    assert 0.7 in ours.turning and ours.turning.bounded
    assert ours.turning_point == pytest.approx(0.7, abs=0.02)
    assert quadratic(sample(y, x, [[0, 1]])) is None
