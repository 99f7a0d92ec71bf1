"""The cluster bootstrap: resamples, BCa, and what it does when there is too little."""

import numpy as np
import pytest
from scipy.stats import bootstrap, spearmanr

from disentangle.statistics.bootstrap import (
    bca,
    bootstrap_estimate,
    cluster_weights,
    jackknife_weights,
)
from disentangle.statistics.rank_correlation import rank_correlation


def weighted_mean(values):
    return lambda weights: weights @ values / weights.sum(axis=1)


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_bca_is_scipys_given_the_same_resamples(rho):
    rng = np.random.default_rng(3)
    x = rng.standard_normal(25)
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(25)
    reference = bootstrap(
        (x, y),
        lambda x, y: spearmanr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=300,
        method="BCa",
        rng=rng,
    )
    jackknife = rank_correlation(np.column_stack([x, y]), jackknife_weights(np.arange(25)))
    ours = bca(spearmanr(x, y).statistic, reference.bootstrap_distribution, jackknife)
    assert ours == pytest.approx(reference.confidence_interval, abs=1e-9)


def test_seeds_of_a_cell_are_drawn_together():
    clusters = np.repeat(np.arange(8), 3)
    weights = cluster_weights(clusters, 500, seed=0, draws=8)
    assert (weights.reshape(500, 8, 3) == weights[:, ::3, None]).all()
    assert (weights.sum(axis=1) == 24).all()
    assert weights.mean() == pytest.approx(1)


def test_fewer_draws_make_smaller_resamples():
    assert (cluster_weights(np.arange(9), 50, seed=0, draws=4).sum(axis=1) == 4).all()


def test_the_jackknife_leaves_out_whole_clusters():
    expected = [[0, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1]]
    assert jackknife_weights(["a", "b", "c", "a"]).tolist() == expected


def test_clustered_intervals_are_wider_than_those_of_independent_rows():
    values = np.repeat(np.random.default_rng(1).standard_normal(20), 4)
    together, apart = (
        bootstrap_estimate(weighted_mean(values), clusters, resamples=2000, seed=0)
        for clusters in (np.repeat(np.arange(20), 4), np.arange(80))
    )
    ratio = (together.high - together.low) / (apart.high - apart.low)
    assert ratio == pytest.approx(2, rel=0.15)


def test_the_interval_of_a_mean_covers_it():
    covered = 0
    for world in range(400):
        values = np.random.default_rng(world).standard_normal(40)
        found = bootstrap_estimate(weighted_mean(values), np.arange(40), resamples=400, seed=0)
        covered += found.low <= 0 <= found.high
    assert 0.91 <= covered / 400 <= 0.98


@pytest.mark.parametrize(
    ("statistic", "clusters", "reason"),
    [
        (weighted_mean(np.arange(8.0)), np.repeat(np.arange(4), 2), "4 clusters"),
        (weighted_mean(np.ones(8)), np.arange(8), "the same value"),
        (lambda weights: np.full(len(weights), np.nan), np.arange(8), "0 of 100 resamples"),
        (lambda weights: weights.max(axis=1), np.arange(30), "one side"),
    ],
)
def test_no_interval_is_a_reason_and_not_a_crash(statistic, clusters, reason):
    interval = bootstrap_estimate(statistic, clusters, resamples=100, seed=0)
    assert np.isnan(interval.low)
    assert np.isnan(interval.high)
    assert reason in interval.note


def test_undefined_resamples_are_left_out():
    """With one value apart, about a third of the resamples are constant."""
    x = np.array([0.0] * 7 + [1.0])
    y = np.array([1.0, 0, 3, 2, 5, 4, 7, 6])
    values = np.column_stack([x, y])
    interval = bootstrap_estimate(
        lambda weights: rank_correlation(values, weights), np.arange(8), resamples=400, seed=0
    )
    assert interval.note == ""
    assert -1 <= interval.low < interval.high <= 1
