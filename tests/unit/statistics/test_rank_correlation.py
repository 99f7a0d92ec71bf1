"""Raw and partial Spearman, against scipy and pingouin."""

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from planted_worlds import paper_design
from scipy.stats import permutation_test, rankdata, spearmanr

from disentangle.statistics import partial_spearman, spearman
from disentangle.statistics.rank_correlation import rank_correlation, t_test, weighted_ranks

BOOT = {"resamples": 50, "seed": 0}


def raw(x, y, **kwargs):
    return spearman(x, y, clusters=np.arange(len(x)), **(BOOT | kwargs))


def partial(x, y, covariates, **kwargs):
    return partial_spearman(x, y, covariates, clusters=np.arange(len(x)), **(BOOT | kwargs))


def columns(n, k, *, tied, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, k)) @ rng.standard_normal((k, k))
    return np.round(2 * values) if tied else values


def test_ranks_within_a_resample_are_those_of_the_resample_written_out():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, 12).astype(float)
    weights = rng.multinomial(12, np.full(12, 1 / 12), size=20).astype(float)
    ranks = weighted_ranks(values[:, None], weights)[:, 0]
    for row, weight in zip(ranks, weights.astype(int), strict=True):
        written_out = np.repeat(values, weight)
        assert np.repeat(row, weight) == pytest.approx(rankdata(written_out))


def test_correlation_of_a_resample_is_that_of_the_resample_written_out():
    values = columns(15, 2, tied=True)
    weights = np.random.default_rng(1).multinomial(15, np.full(15, 1 / 15), size=20)
    ours = rank_correlation(values, weights.astype(float))
    theirs = [spearmanr(*np.repeat(values, weight, axis=0).T).statistic for weight in weights]
    assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n", [8, 18, 108])
def test_raw_is_scipys(n, tied):
    x, y = columns(n, 2, tied=tied).T
    ours, theirs = raw(x, y), spearmanr(x, y)
    assert (ours.value, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (ours.n, ours.df) == (n, n - 2)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n", [4, 6, 7])
def test_small_samples_get_the_exact_permutation_p(n, tied):
    x, y = columns(n, 2, tied=tied, seed=5).T
    a, b = (rankdata(v) - (n + 1) / 2 for v in (x, y))
    theirs = permutation_test(
        (a,),
        lambda a, axis=-1: np.sum(a * b, axis=axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=np.inf,
    )
    # scipy doubles the smaller tail, which with ties is not the share of |rho|
    exact = np.mean(np.abs(theirs.null_distribution) >= abs(theirs.statistic) - 1e-9)
    assert raw(x, y).p == pytest.approx(exact)


def test_four_rows_in_a_row_are_not_certain():
    result = raw([1, 2, 3, 4], [1, 2, 3, 4])
    assert result.value == pytest.approx(1)
    assert result.p == pytest.approx(2 / 24)
    assert np.isnan(result.low)
    assert "4 clusters" in result.note


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("n", "k"), [(12, 1), (18, 6), (108, 3)])
def test_partial_is_pingouins(n, k, tied):
    values = columns(n, 2 + k, tied=tied)
    names = ["x", "y", *(f"c{i}" for i in range(k))]
    theirs = pingouin.partial_corr(
        pd.DataFrame(values, columns=names), "x", "y", names[2:], method="spearman"
    ).iloc[0]
    ours = partial(values[:, 0], values[:, 1], values[:, 2:])
    assert (ours.value, ours.p) == pytest.approx((theirs["r"], theirs["p_val"]), rel=1e-6)
    assert ours.df == n - 2 - k


def test_without_covariates_partial_is_raw():
    x, y = columns(20, 2, tied=False).T
    a, b = partial(x, y, np.empty((20, 0))), raw(x, y)
    assert (a.value, a.p, a.df, a.low) == pytest.approx((b.value, b.p, b.df, b.low))


def test_constant_and_repeated_covariates_count_for_nothing():
    x, y, c = columns(30, 3, tied=False).T
    once = partial(x, y, c[:, None])
    more = partial(x, y, np.column_stack([c, np.full(30, 7.0), 2 * c, np.exp(c)]))
    assert (more.value, more.p, more.df) == pytest.approx((once.value, once.p, once.df))
    assert more.df == 27


def test_the_log_of_a_covariate_is_the_same_covariate():
    design = paper_design()
    x, y = columns(108, 2, tied=False).T
    params = design[["params_non_embedding", "tokens_budget"]].to_numpy(float)
    assert partial(x, y, params).value == pytest.approx(partial(x, y, np.log(params)).value)


def test_partial_takes_a_common_cause_away_and_keeps_its_sign():
    rng = np.random.default_rng(0)
    c = rng.standard_normal(500)
    x, noise = c + rng.standard_normal(500), rng.standard_normal(500)
    assert raw(x, c + noise).value > 0.4
    assert abs(partial(x, c + noise, c[:, None]).value) < 0.1
    assert partial(x, 3 * c - x + noise, c[:, None]).value < -0.5


def test_planted_rho_is_found_and_covered():
    rng = np.random.default_rng(0)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's rho of a bivariate normal (Pearson 1907)
    covered = []
    for _ in range(200):
        x, e = rng.standard_normal((2, 60))
        result = raw(x, 0.6 * x + 0.8 * e, resamples=300)
        covered.append(result.low <= truth <= result.high)
    assert 0.9 <= np.mean(covered) <= 0.99


def test_no_degree_of_freedom_no_number():
    x, y, *c = columns(8, 8, tied=False).T
    result = partial(x, y, np.column_stack(c))
    assert result.df == 0
    assert np.isnan([result.value, result.p, result.low, result.high]).all()
    assert "degrees of freedom" in result.note


@pytest.mark.parametrize("df", [0, -3])
def test_t_needs_degrees_of_freedom(df):
    assert np.isnan(t_test(0.5, df))


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_perfect_correlation(sign):
    result = raw(np.arange(20.0), sign * np.exp(np.arange(20.0)))
    assert (result.value, result.p) == pytest.approx((sign, 0))
    assert t_test(float(sign), 18) == 0
    assert "the same value" in result.note


@pytest.mark.parametrize("n", [0, 1, 2])
def test_next_to_no_rows(n):
    for result in (raw(np.arange(n), np.arange(n)), partial(*np.ones((2, n)), np.ones((n, 3)))):
        assert np.isnan([result.value, result.p]).all()
        assert result.note


def test_constants_and_functions_of_the_controls_are_undefined():
    x, c = columns(20, 2, tied=False).T
    assert raw(np.full(20, 0.1), x).note == "constant"
    assert partial(np.full(20, 0.1), x, c[:, None]).note.startswith("constant")
    assert partial(np.exp(c), x, c[:, None]).note.startswith("constant, or determined")


# values a thousandth apart at least, so that a monotone function keeps them apart
pairs = st.integers(8, 30).flatmap(
    lambda n: arrays(np.int64, (n, 3), elements=st.integers(-3000, 3000))
)


# nearly constant columns: resamples that equal the estimate but for rounding
NEARLY_CONSTANT = np.ones((12, 3), dtype=int)
NEARLY_CONSTANT[7, 0] = NEARLY_CONSTANT[9, 1] = 0


@given(pairs)
@example(NEARLY_CONSTANT)
@settings(max_examples=40, deadline=None)
def test_properties_of_rank_correlations(values):
    x, y, c = values.T / 1000
    order = np.random.default_rng(0).permutation(len(x))
    labels = np.arange(len(x)) // 2

    def both(x, y, c=c, labels=labels):
        yield spearman(x, y, clusters=labels, **BOOT)
        yield partial_spearman(x, y, c[:, None], clusters=labels, **BOOT)

    for plain, monotone, flipped, swapped, reordered in zip(
        both(x, y),
        both(np.exp(x), y**3),
        both(-x, y),
        both(y, x),
        both(x[order], y[order], c[order], labels[order]),
        strict=True,
    ):
        if np.isnan(plain.value):
            assert np.isnan(flipped.value)
            continue
        assert -1 <= plain.value <= 1
        assert 0 <= plain.p <= 1
        assert monotone.value == pytest.approx(plain.value, abs=1e-6)
        assert flipped.value == pytest.approx(-plain.value, abs=1e-6)
        assert swapped.value == pytest.approx(plain.value, abs=1e-6)
        assert reordered.value == pytest.approx(plain.value, abs=1e-6)
        assert reordered.note == plain.note
