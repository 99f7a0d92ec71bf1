"""Pooling against statsmodels, a closed form, and a planted mean."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from disentangle.comparison.random_effects import pool, z_error

CASES = [
    ([0.9, 0.2], [0.2, 0.25]),
    ([0.8, 0.1, -0.3], [0.1, 0.2, 0.3]),
    ([0.7, 0.75, 0.1, 0.4, 0.9], [0.15, 0.3, 0.2, 0.12, 0.25]),
]


@pytest.mark.parametrize(("rhos", "errors"), CASES)
def test_it_is_what_statsmodels_finds(rhos: list[float], errors: list[float]) -> None:
    found = pool(rhos, errors)
    oracle = combine_effects(
        np.arctanh(rhos), np.square(errors), method_re="dl", use_t=True, alpha=0.05
    )
    assert math.atanh(found.rho) == pytest.approx(oracle.mean_effect_re)
    fixed = (math.atanh(end) for end in (found.these, found.these_low, found.these_high))
    reach_of_these = stats.norm.ppf(0.975) * oracle.sd_eff_w_fe
    assert list(fixed) == pytest.approx(
        [oracle.mean_effect_fe + reach_of_these * side for side in (0, -1, 1)]
    )
    assert found.tau**2 == pytest.approx(oracle.tau2)
    assert found.q == pytest.approx(oracle.q)
    assert found.i2 == pytest.approx(max(0.0, oracle.i2))
    assert found.q_p == pytest.approx(oracle.test_homogeneity().pvalue)
    # where studies agree by chance, ours is longer
    scale = math.sqrt(max(1, oracle.scale_hksj_re) / oracle.scale_hksj_re)
    reach = stats.t.ppf(0.975, len(rhos) - 1) * oracle.sd_eff_w_re_hksj * scale
    assert math.atanh(found.high) == pytest.approx(oracle.mean_effect_re + reach)
    assert math.atanh(found.low) == pytest.approx(oracle.mean_effect_re - reach)


def test_two_equal_studies_by_hand() -> None:
    found = pool([0.5, 0.5], [0.2, 0.2])
    reach = 12.7062 * 0.2 / math.sqrt(2)  # agreement by chance does not shorten it
    assert found.rho == pytest.approx(0.5)
    assert math.atanh(found.high) == pytest.approx(math.atanh(0.5) + reach, rel=1e-4)
    assert (found.q, found.i2, found.tau) == (0, 0, 0)


def test_the_error_is_that_of_the_interval() -> None:
    low, high = (math.tanh(0.4 + sign * 1.959964 * 0.3) for sign in (-1, 1))
    assert z_error(low, high) == pytest.approx(0.3, rel=1e-6)


def test_one_study_is_not_pooled() -> None:
    with pytest.raises(ValueError, match="at least two"):
        pool([0.1], [0.1])


def test_the_interval_covers_a_planted_mean() -> None:
    draw = np.random.default_rng(0)
    errors = np.array([0.2, 0.3, 0.25, 0.15])
    covered = 0
    for _ in range(400):
        true = draw.normal(0.5, 0.3, 4)  # studies differ
        found = pool(np.tanh(draw.normal(true, errors)).tolist(), errors.tolist())
        covered += found.low <= math.tanh(0.5) <= found.high
    assert covered / 400 > 0.93
