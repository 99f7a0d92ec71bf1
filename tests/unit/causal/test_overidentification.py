"""Hansen's J: linearmodels' GMM, its level with twelve seeds, and what it finds."""

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IVGMM
from scipy.stats import kstest

from disentangle.causal.overidentification import (
    hansen,
    over_arms,
    over_levers,
    slope_difference,
)
from disentangle.causal.sample import sample
from disentangle.causal.two_stage import two_stage

MEANS = np.array([0.64, 0.4, 0.6, 0.8, 0.97, 0.52, 0.33, 0.6])
LEVERS = ([[0, 1, 2, 3, 4]], [[0, 5]], [[7, 6]])


def draw(slopes: tuple[float, ...] = (0.1,) * 8, *, seeds: int = 12, seed: int = 0) -> tuple:
    """Outcome and exposure of control, four doses, initial spectrum, hard limit and factors."""
    rng = np.random.default_rng(seed)
    x = MEANS + rng.normal(0, 0.02, (seeds, 8))
    y = 3 + rng.normal(0, 0.05, (seeds, 1)) + rng.normal(0, 0.031, (seeds, 8))
    return y + np.array(slopes) * (x - 0.64), x


def lever_fits(y: np.ndarray, x: np.ndarray) -> list:
    return [two_stage(sample(y, x, groups)) for groups in LEVERS]


def test_j_is_that_of_linearmodels() -> None:
    y, x = draw()
    # the instruments whose sums by seed the levers' moments are
    z = np.zeros((12, 8, 3))
    doses = sample(y, x, LEVERS[0])
    fitted = np.array([x[:, arm].mean() for arm in range(5)])
    z[:, :5, 0] = fitted - fitted.mean()
    z[:, [0, 5], 1] = np.array([1, -1]) * (x[:, 0] - x[:, 5]).mean() / 2
    z[:, [7, 6], 2] = np.array([1, -1]) * (x[:, 7] - x[:, 6]).mean() / 2
    oracle = IVGMM(
        pd.Series(y.ravel(), name="y"),
        None,
        pd.Series(x.ravel(), name="x"),
        pd.DataFrame(z.reshape(-1, 3)),
        weight_type="clustered",
        clusters=np.repeat(np.arange(12), 8),
        center=True,
    ).fit(iter_limit=500, tol=1e-10)
    ours = over_levers(lever_fits(y, x))
    assert doses.n == 60 and (ours.df, ours.seeds) == (2, 12)
    assert ours.slope == pytest.approx(oracle.params["x"], rel=1e-5)
    assert ours.j == pytest.approx(oracle.j_stat.stat, rel=1e-5)
    assert ours.p_asymptotic == pytest.approx(oracle.j_stat.pval, rel=1e-5)


def test_with_twelve_seeds_f_keeps_the_level_and_chi_square_does_not() -> None:
    found = [over_levers(lever_fits(*draw(seed=seed))) for seed in range(600)]
    p = np.array([one.p for one in found])
    assert kstest(p, "uniform").pvalue > 0.01
    assert 0.03 < np.mean(p < 0.05) < 0.07
    assert np.mean([one.p_asymptotic < 0.05 for one in found]) > 0.08


def test_a_lever_with_a_slope_of_its_own_is_found() -> None:
    y, x = draw((0.1,) * 5 + (0.1, 1.0, 1.0))
    fits = lever_fits(y, x)
    assert over_levers(fits).p < 0.01
    # the pair that agrees, and the ones that do not
    assert over_levers(fits[:2]).p > 0.05
    assert slope_difference(fits[0], fits[1]).low < 0 < slope_difference(fits[0], fits[1]).high
    assert slope_difference(fits[0], fits[2]).high < 0


def test_the_difference_of_slopes_is_that_of_seeds_where_each_seed_has_both() -> None:
    y, x = draw(seed=2)
    x[:] = MEANS
    first, second = lever_fits(y, x)[1:]
    of_seeds = (y[:, 5] - y[:, 0]) / (0.52 - 0.64) - (y[:, 6] - y[:, 7]) / (0.33 - 0.6)
    ours = slope_difference(first, second)
    assert ours.value == pytest.approx(of_seeds.mean())
    assert ours.se == pytest.approx(of_seeds.std(ddof=1) / np.sqrt(12)) and ours.df == 11


def test_a_seed_that_one_lever_lacks_counts_for_the_other_alone() -> None:
    y, x = draw(seed=2)
    x[:] = MEANS
    y[3, 5] = np.nan
    first, second = lever_fits(y, x)[1:]
    slopes = pd.DataFrame(
        {
            "first": (y[:, 5] - y[:, 0]) / (0.52 - 0.64),
            "second": (y[:, 6] - y[:, 7]) / (0.33 - 0.6),
        }
    )
    moved = ((slopes - slopes.mean()) / slopes.notna().sum()).fillna(0)
    variance = 12 / 11 * ((moved["first"] - moved["second"]) ** 2).sum()
    ours = slope_difference(first, second)
    assert ours.value == pytest.approx(slopes["first"].mean() - slopes["second"].mean())
    assert ours.se == pytest.approx(np.sqrt(variance))
    assert over_levers([first, second]).seeds == 11


def test_over_arms_a_bend_is_seen() -> None:
    y, x = draw(seed=1)
    arms = [0, 1, 2, 3, 4]
    assert over_arms(y, x, arms).p > 0.05
    bent = over_arms(y + 3 * (x - 0.64) ** 2, x, arms)
    assert bent.p < 0.01 and bent.df == 3
    y[2, 3] = np.nan
    assert over_arms(y, x, arms).seeds == 11


def test_the_unit_of_a_lever_does_not_matter() -> None:
    fits = lever_fits(*draw())
    a, c = (np.column_stack([getattr(fit, name) for fit in fits]) for name in "ac")
    scaled = hansen(a * [1, 1e6, 1e-6], c * [1, 1e6, 1e-6])
    assert (scaled.j, scaled.slope) == pytest.approx((hansen(a, c).j, hansen(a, c).slope))


def test_what_cannot_be_tested_says_so() -> None:
    fits = lever_fits(*draw())
    assert over_levers(fits[:1]).note == "one lever alone"
    few = lever_fits(*draw(seeds=4))
    assert over_levers(few).note == "4 seeds for 3 levers" and np.isnan(over_levers(few).p)
    a = np.random.default_rng(0).normal(size=12)
    same = hansen(np.column_stack([a, a]), np.ones((12, 2)))
    assert "collinear" in same.note
