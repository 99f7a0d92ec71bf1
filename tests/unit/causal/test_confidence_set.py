"""Sets of values that are not rejected: whole, in pieces, unbounded or empty."""

import math

import numpy as np
import pytest

from disentangle.causal.confidence_set import ConfidenceSet, fieller, where_not_negative

GRID = np.linspace(-30, 30, 6001) + 1e-4


@pytest.mark.parametrize("seed", range(6))
def test_the_sweep_is_the_count_at_every_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    quadratics = rng.standard_normal((40, 3)) * [0.1, 1, 5]
    quadratics[:8, 0] = 0  # half-lines
    quadratics[8:11, :2] = 0  # constants of either sign
    quadratics[11] = 0  # the observed order
    regions = where_not_negative(quadratics, np.zeros(3))
    powers = np.array([GRID**2, GRID, np.ones_like(GRID)])
    share = np.mean(quadratics @ powers >= 0, axis=0)
    for level in (0.05, 0.3, 0.5, 0.7):
        found = regions.accepted(level)
        assert [value in found for value in GRID] == (share > level).tolist()
    assert regions.total == 40


def test_regions_that_share_a_value_take_the_short_way_to_the_same_set() -> None:
    rng = np.random.default_rng(0)
    low, high = -rng.exponential(size=99), rng.exponential(size=99)
    # a b^2 + b b' + c with a = -1 and roots low and high
    quadratics = np.column_stack([-np.ones(99), low + high, -low * high])
    regions = where_not_negative(quadratics, np.zeros(3)).with_observed()
    found = regions.accepted(0.05)
    # 6 of 100 are needed: the observed order and five more
    assert found.parts == ((pytest.approx(np.sort(low)[4]), pytest.approx(np.sort(high)[-5])),)


def test_sets_say_what_they_are() -> None:
    everything = ConfidenceSet(((-math.inf, math.inf),))
    pieces = ConfidenceSet(((-math.inf, -1.0), (2.0, 3.0), (4.0, math.inf)))
    assert str(ConfidenceSet(())) == "empty" and math.isnan(ConfidenceSet(()).low)
    assert str(everything) == "all values" and not everything.bounded
    assert str(pieces) == "<= -1 or [+2, +3] or >= +4"
    assert 2.5 in pieces and 0 not in pieces and -1.0 in pieces and 3.5 not in pieces


def test_fieller_is_the_values_within_reach() -> None:
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    for denominator in (5.0, 0.4, 0.0):
        found = fieller(1.0, denominator, covariance, 1.96)
        error = np.sqrt(0.04 - 2 * GRID * 0.01 + GRID**2 * 0.09)
        within = np.abs(1.0 - GRID * denominator) <= 1.96 * error
        assert [value in found for value in GRID] == within.tolist()
    assert fieller(1.0, 5.0, covariance, 1.96).bounded
    assert not fieller(1.0, 0.4, covariance, 1.96).bounded
