"""Arms compared within seeds, Holm's correction, and equivalence."""

from itertools import permutations, product

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from disentangle.causal.equivalence import equivalence
from disentangle.causal.paired import any_difference, comparisons, contrast
from disentangle.causal.panel import Arm, Panel
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.multiplicity import holm

PAIR = {1: 1.0, 0: -1.0}


def losses(effect: float, *, seed: int = 0, seeds: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 0.05, (seeds, 1)) + rng.normal(0, 0.031, (seeds, 3))
    return values + np.array([0, effect, 0])


def test_an_effect_is_the_mean_difference_within_seeds() -> None:
    values = losses(0.05)
    found = contrast(values, PAIR)
    differences = values[:, 1] - values[:, 0]
    assert found.value == pytest.approx(differences.mean())
    assert found.se == pytest.approx(differences.std(ddof=1) / np.sqrt(12))
    assert (found.n, found.df) == (24, 11)
    shifted = contrast(values + np.random.default_rng(1).normal(0, 99, (12, 1)), PAIR)
    assert (shifted.value, shifted.low, shifted.high, shifted.p) == pytest.approx(
        (found.value, found.low, found.high, found.p)
    )


def test_seeds_that_lack_an_arm_are_left_out_and_said() -> None:
    values = losses(0.05)
    values[[2, 7], [0, 1]] = np.nan
    found = contrast(values, PAIR)
    assert found.note == "2 of 12 seeds lack an arm" and found.n == 20
    kept = contrast(np.delete(values, [2, 7], axis=0), PAIR)
    assert (found.value, found.low, found.p) == (kept.value, kept.low, kept.p)
    assert np.isnan(contrast(values * np.nan, PAIR).value)


def test_sums_of_several_arms() -> None:
    values = losses(0.05)
    twice = contrast(values, {1: 1.0, 0: -2.0, 2: 1.0})
    assert twice.value == pytest.approx((values[:, 1] - 2 * values[:, 0] + values[:, 2]).mean())
    assert twice.n == 36


def test_whether_arms_differ_is_decided_by_all_orders() -> None:
    values = losses(0.03, seeds=4)
    centred = values - values.mean(axis=1, keepdims=True)
    every = [
        sum((np.array(rows).sum(axis=0)) ** 2)
        for rows in product(*(list(permutations(row)) for row in centred))
    ]
    share = np.mean(np.array(every) >= sum(centred.sum(axis=0) ** 2) - 1e-12)
    assert any_difference(values, permutations=9, seed=0) == pytest.approx(share)
    assert np.isnan(any_difference(values * np.nan, permutations=9, seed=0))


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_that_of_statsmodels(seed: int) -> None:
    p = np.random.default_rng(seed).uniform(0, 0.2, 11)
    p[3] = p[4]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    some = np.concatenate([p[:5], [np.nan], p[5:]])
    assert np.delete(holm(some), 5) == pytest.approx(holm(p)) and np.isnan(holm(some)[5])


@pytest.mark.parametrize("effect", [0.0, 0.008, -0.02])
def test_equivalence_is_that_of_statsmodels(effect: float) -> None:
    values = losses(effect)
    found = contrast(values, PAIR)
    p, *_ = ttost_paired(values[:, 1], values[:, 0], -0.03, 0.03)
    ours = equivalence(found, 0.03)
    assert ours.p == pytest.approx(p)
    assert (ours.p < 0.05) == (ours.low > -0.03 and ours.high < 0.03)
    tenth = equivalence(found, 0.003, times=0.1)
    assert tenth.p == pytest.approx(p) and tenth.low == pytest.approx(ours.low / 10)


def test_further_seeds_are_the_least_that_decide() -> None:
    undecided = Estimate(0.004, n=24, se=0.009, df=11)
    ours = equivalence(undecided, 0.01)
    seeds = 12 + int(ours.further_seeds)

    def decided(n: int) -> bool:
        again = Estimate(0.004, se=0.009 * np.sqrt(12 / n), df=n - 1)
        return equivalence(again, 0.01).p <= 0.05

    assert decided(seeds) and not decided(seeds - 1)
    assert equivalence(Estimate(0.0, se=0.001, df=11), 0.01).further_seeds == 0
    # an effect that is shown to be larger is decided too
    assert equivalence(Estimate(0.03, se=0.001, df=11), 0.01).further_seeds == 0
    assert equivalence(Estimate(0.03, se=0.001, df=11), 0.01).p > 0.99
    assert np.isnan(equivalence(Estimate(0.01, se=0.009, df=11), 0.01).further_seeds)
    assert np.isnan(equivalence(Estimate.unknown("none"), 0.01).p)


def test_hard_limits_are_also_compared_with_factors() -> None:
    arms = (Arm(""), Arm("low", "spectrum", 0.4), Arm("k", "factor", 0.4), Arm("f", "factor", 1.0))
    panel = Panel("1M", "bs8", arms, ("0",), None)  # type: ignore[arg-type]
    pairs = [(one.arm, one.reference) for one in comparisons(panel)]
    assert pairs == [(1, 0), (2, 0), (3, 0), (2, 3)]
