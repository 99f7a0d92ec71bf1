"""The tail's exponent, against two libraries and planted power laws."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disentangle.geometry.power_law import FEWEST, alpha, alpha_hat


def spectrum(seed: int, exponent: float, count: int, bulk: int = 0) -> np.ndarray:
    """Singular values whose squares follow a power law from 1 on, with a bulk below."""
    random = np.random.default_rng(seed)
    tail = (1 - random.random(count)) ** (-1 / (exponent - 1))
    values = np.concatenate([tail, random.random(bulk)])
    return np.sort(np.sqrt(values))[::-1]


@pytest.mark.parametrize("exponent", [1.7, 2.5, 4.0])
def test_a_planted_exponent_is_found(exponent: float) -> None:
    found = [alpha(spectrum(seed, exponent, 2000)) for seed in range(5)]
    assert np.mean(found) == pytest.approx(exponent, rel=0.05)
    with_bulk = [alpha(spectrum(seed, exponent, 1000, bulk=3000)) for seed in range(5)]
    assert np.mean(with_bulk) == pytest.approx(exponent, rel=0.1)


@given(
    seed=st.integers(0, 10**6),
    exponent=st.floats(1.5, 6),
    count=st.integers(60, 300),
    bulk=st.integers(0, 200),
)
@settings(max_examples=25, deadline=None)
def test_it_is_weightwatchers_and_powerlaws(
    seed: int, exponent: float, count: int, bulk: int
) -> None:
    import powerlaw
    from weightwatcher.WW_powerlaw import WWFit

    sigma = spectrum(seed, exponent, count, bulk)
    theirs = WWFit(sigma**2)
    assert alpha(sigma) == pytest.approx(theirs.alpha, rel=1e-9)
    assert alpha_hat(sigma) == pytest.approx(theirs.alpha * math.log10(sigma[0] ** 2), rel=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ranges = {"alpha": [1, 100]}  # its own end at 3
        fixed = powerlaw.Fit(sigma**2, xmin=theirs.xmin, verbose=False, parameter_ranges=ranges)
    assert alpha(sigma) == pytest.approx(fixed.power_law.alpha, rel=1e-6)


def test_few_eigenvalues_have_no_tail() -> None:
    sigma = spectrum(0, 2.5, FEWEST)
    assert math.isfinite(alpha(sigma))
    assert math.isnan(alpha(sigma[1:])) and math.isnan(alpha_hat(sigma[1:]))
    assert math.isnan(alpha(np.append(sigma[1:], 0.0))), "zeros are no eigenvalues of a tail"
    assert math.isnan(alpha(np.ones(100)))
