"""The mean of rho within sizes: against SciPy, in Simpson's paradox, and over its resamples."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from disentangle.statistics.by_size import spearman_by_size
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.spearman import spearman

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def models(rng: np.random.Generator, counts: list[int], over: float, within: float) -> Arrays:
    """Metric, loss and size: slopes of the loss on the metric over sizes, and within them."""
    size = np.repeat(np.arange(len(counts)), counts)
    inside = rng.normal(size=len(size))
    x = 10.0 * size + inside
    y = 10.0 * over * size + within * inside + 0.3 * rng.normal(size=len(size))
    return x, y, size


def found(x: np.ndarray, y: np.ndarray, size: np.ndarray, resamples: int = 200) -> Estimate:
    clusters = np.arange(len(x))
    return spearman_by_size(x, y, size, clusters=clusters, resamples=resamples, seed=0)


@given(seed=st.integers(0, 999), counts=st.lists(st.integers(3, 9), min_size=2, max_size=5))
def test_it_is_the_mean_of_scipys_rho_by_models(seed: int, counts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    x, y, size = models(rng, counts, 0.0, -0.3)
    x = np.round(x)  # with ties
    y[size == 0] = 1.0  # a size whose loss does not differ says nothing
    said = [s for s in range(1, len(counts)) if np.ptp(x[size == s])]
    if len(said) < 2:
        assert np.isnan(found(x, y, size, 2).value)
        return
    rhos = [spearmanr(x[size == s], y[size == s]).statistic for s in said]
    assert found(x, y, size, 2).value == pytest.approx(
        np.average(rhos, weights=[counts[s] for s in said])
    )
    assert found(x, y, size, 2).df == len(said)


def test_it_has_the_sign_within_sizes_where_the_raw_rho_has_that_of_the_sizes() -> None:
    x, y, size = models(np.random.default_rng(0), [20, 20, 20], over=1.0, within=-1.0)
    raw = spearman(x, y, clusters=np.arange(60), resamples=500, seed=0)
    within = found(x, y, size, 500)
    assert raw.low > 0.5
    assert within.high < -0.5


def test_what_sizes_alone_do_is_no_association_within_them() -> None:
    covered, trials = 0, 100
    for seed in range(trials):
        x, y, size = models(np.random.default_rng(seed), [18, 18, 18], over=1.0, within=0.0)
        within = found(x, y, size)
        covered += within.low <= 0 <= within.high
    assert 88 <= covered <= 100  # of 95 expected, by chance in 99 of 100 such tests


def test_a_size_missing_from_a_resample_leaves_the_others() -> None:
    rng = np.random.default_rng(1)
    x, y, size = models(rng, [3, 30, 30], over=0.0, within=-1.0)
    clusters = np.where(size == 0, 0, np.arange(len(size)))  # all of the smallest go together
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of no models of a size nothing is computed
        estimate = spearman_by_size(x, y, size, clusters=clusters, resamples=300, seed=0)
    assert -1 <= estimate.low < estimate.value < estimate.high <= 0


def test_the_order_of_rows_does_not_matter() -> None:
    x, y, size = models(np.random.default_rng(2), [6, 7, 8], over=0.5, within=0.4)
    order = np.random.default_rng(3).permutation(len(x))
    clusters = np.arange(len(x))
    again = spearman_by_size(
        x[order], y[order], size[order], clusters=clusters[order], resamples=200, seed=0
    )
    first = found(x, y, size)
    assert (again.value, again.low, again.high) == pytest.approx(
        (first.value, first.low, first.high)
    )


@pytest.mark.parametrize("counts", [[9], [9, 2], [2, 2, 2]])
def test_fewer_than_two_sizes_say_nothing(counts: list[int]) -> None:
    estimate = found(*models(np.random.default_rng(0), counts, 1.0, 1.0))
    assert np.isnan(estimate.value) and estimate.df == 0
    assert estimate.note == "fewer than two sizes have 3 models that differ"
