"""Sign flips of seeds: exact, with intervals that are their inversion."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_1samp
from statsmodels.stats.contingency_tables import mcnemar

from disentangle.causal.by_seed import by_seed, flip_p, flip_regions, flips


def p_at(a: np.ndarray, c: np.ndarray, slope: float) -> float:
    """By writing all sign vectors out."""
    signs = np.array(list(product([-1, 1], repeat=len(a))))
    left = a - slope * c
    return float(np.mean(np.abs(signs @ left) >= abs(left.sum()) - 1e-12))


@pytest.mark.parametrize("n", [6, 9, 12])
def test_p_is_that_of_scipy(n: int) -> None:
    a = np.random.default_rng(n).normal(0.3, 1, n)
    found = permutation_test(
        (a,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert flip_p(a) == pytest.approx(found.pvalue)
    assert flips(n)[0].shape == (2 ** (n - 1), n)


def test_of_divergence_it_is_mcnemars_test() -> None:
    pairs = np.array([1, 1, 0, 0, 1, -1, 1, 1, 0, 1, 1, 1], dtype=float)
    table = [[4, int((pairs == 1).sum())], [int((pairs == -1).sum()), 0]]
    assert flip_p(pairs) == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert flip_p(np.zeros(12)) == 1


@pytest.mark.parametrize("exposure", ["mean", "ratio"])
def test_the_interval_has_the_values_that_are_not_rejected(exposure: str) -> None:
    rng = np.random.default_rng(1)
    c = np.ones(10) if exposure == "mean" else rng.uniform(0.2, 0.5, 10)
    a = 0.2 * c + rng.normal(0, 0.05, 10)
    found = by_seed(a, c, n=20)
    assert found.value == pytest.approx(a.sum() / c.sum())
    assert found.low < found.value < found.high
    for end, outwards in ((found.low, -1e-9), (found.high, 1e-9)):
        assert p_at(a, c, end) > 0.05 >= p_at(a, c, end + outwards)
    assert found.p == pytest.approx(p_at(a, c, 0.0)) and found.n == 20 and not found.note


def test_error_and_degrees_of_freedom_are_those_of_a_mean() -> None:
    a = np.random.default_rng(2).normal(0.1, 1, 12)
    found, oracle = by_seed(a, np.ones(12), n=24), ttest_1samp(a, 0)
    assert (found.value / found.se, found.df) == pytest.approx((oracle.statistic, oracle.df))


def test_an_exposure_that_may_be_zero_gives_an_honest_set() -> None:
    rng = np.random.default_rng(8)
    c, a = rng.normal(0.01, 0.05, 8), rng.normal(0, 0.03, 8)
    accepted = flip_regions(a, c).accepted()
    for slope in np.linspace(-20, 20, 1601):
        assert (p_at(a, c, slope) > 0.05) == (slope in accepted)
    assert len(accepted.parts) == 3 and not accepted.bounded
    assert by_seed(a, c, n=16).note == f"95 % set: {accepted}"


def test_few_seeds_have_an_estimate_and_no_interval() -> None:
    found = by_seed(np.array([0.1, 0.2, 0.3, 0.2, 0.1]), np.ones(5), n=10)
    assert found.value == pytest.approx(0.18) and np.isnan(found.low)
    assert found.note == "5 seeds cannot reach p = 0.05" and found.p == 1 / 16
    six = by_seed(np.array([0.1, 0.2, 0.3, 0.2, 0.1, 0.4]), np.ones(6), n=12)
    assert (six.low, six.high) == (pytest.approx(0.1), pytest.approx(0.4))
    assert np.isnan(by_seed(np.array([0.1]), np.ones(1), n=2).value)


def test_many_seeds_are_flipped_at_random() -> None:
    a = np.random.default_rng(3).normal(0.3, 1, 20)
    found = by_seed(a, np.ones(20), n=40)
    every = permutation_test((a,), np.sum, permutation_type="samples", n_resamples=10**6)
    assert found.p == pytest.approx(every.pvalue, abs=0.01)
    mean, reach = a.mean(), 2.09 * a.std(ddof=1) / np.sqrt(20)
    assert (found.low, found.high) == pytest.approx((mean - reach, mean + reach), abs=0.08)
