"""CKA equals its form by Gram matrices, has its invariances, and is what chance makes it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from disentangle.geometry.cka import debiased_linear_cka, linear_cka

BOTH = pytest.mark.parametrize("cka", [linear_cka, debiased_linear_cka])
SIZES = st.tuples(st.integers(5, 40), st.integers(1, 12), st.integers(1, 12))
SEEDS = st.integers(0, 999)


def pair(n: int, d1: int, d2: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two representations that share a part."""
    generator = torch.Generator().manual_seed(seed)
    shared = torch.randn(n, 2, generator=generator)
    X, Y = (
        shared @ torch.randn(2, d, generator=generator) + torch.randn(n, d, generator=generator)
        for d in (d1, d2)
    )
    return X + 3, Y - 1


def hsic(K: np.ndarray, L: np.ndarray) -> float:
    """tr(K H L H), Gretton et al. 2005."""
    H = np.eye(len(K)) - 1 / len(K)
    return float(np.trace(K @ H @ L @ H))


def unbiased_hsic(K: np.ndarray, L: np.ndarray) -> float:
    """Song et al. 2012, equation 5, with Gram matrices whose diagonals are zero."""
    n, one = len(K), np.ones(len(K))
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    return (
        np.trace(K @ L)
        + (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (one @ K @ L @ one)
    ) / (n * (n - 3))


@given(SIZES, SEEDS)
def test_is_the_form_by_gram_matrices(sizes: tuple[int, int, int], seed: int) -> None:
    X, Y = pair(*sizes, seed)
    K, L = (M.double().numpy() @ M.double().numpy().T for M in (X, Y))
    for cka, by in ((linear_cka, hsic), (debiased_linear_cka, unbiased_hsic)):
        expected = by(K, L) / math.sqrt(by(K, K) * by(L, L))
        assert cka(X, Y) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@given(SIZES, SEEDS)
def test_ranges_and_symmetry(sizes: tuple[int, int, int], seed: int) -> None:
    X, Y = pair(*sizes, seed)
    assert 0 <= linear_cka(X, Y) <= 1 + 1e-12
    assert -1 - 1e-9 <= debiased_linear_cka(X, Y) <= 1 + 1e-9
    for cka in (linear_cka, debiased_linear_cka):
        assert cka(X, Y) == pytest.approx(cka(Y, X), rel=1e-12, abs=1e-12)
        assert cka(X, X) == pytest.approx(1, rel=1e-12)


@BOTH
@given(seed=SEEDS, log_scale=st.floats(-100, 100))
def test_rotation_scale_and_shift_change_nothing(cka, seed, log_scale):
    X, Y = (M.double() for M in pair(30, 6, 9, seed))
    Q = torch.from_numpy(ortho_group.rvs(6, random_state=seed))
    moved = 10**log_scale * (X @ Q + torch.arange(6))
    assert cka(moved, Y) == pytest.approx(cka(X, Y), rel=1e-6, abs=1e-8)
    assert cka(moved, X) == pytest.approx(1, rel=1e-6)


@BOTH
def test_other_linear_maps_change_it(cka):
    X, Y = pair(60, 6, 6, 0)
    stretched = X * torch.tensor([30.0, 1, 1, 1, 1, 1])
    assert cka(stretched, X) < 0.9
    assert abs(cka(stretched, Y) - cka(X, Y)) > 0.02


@pytest.mark.parametrize(("n", "d1", "d2"), [(2000, 10, 30), (300, 100, 50), (100, 200, 200)])
def test_of_independent_gaussians(n, d1, d2, generator):
    values = np.array(
        [
            [cka(X, Y) for cka in (linear_cka, debiased_linear_cka)]
            for X, Y in (
                (torch.randn(n, d1, generator=generator), torch.randn(n, d2, generator=generator))
                for _ in range(20)
            )
        ]
    )
    biased, debiased = values.mean(axis=0)
    assert biased == pytest.approx(math.sqrt(d1 * d2 / ((n + d1) * (n + d2))), rel=0.03)
    assert abs(debiased) < 4 * values[:, 1].std() / math.sqrt(20)
    assert abs(debiased) < 0.1 * biased


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@BOTH
def test_stored_types_are_taken_as_they_are(cka, dtype):
    X, Y = (M.to(dtype) for M in pair(20, 4, 5, 1))
    assert cka(X, Y) == cka(X.double(), Y.double())


@BOTH
def test_without_a_value(cka):
    X, Y = pair(8, 3, 4, 0)
    constant = torch.full((8, 3), 0.1)
    for first, second in ((constant, Y), (X, torch.zeros(8, 4)), (X[:1], Y[:1])):
        assert math.isnan(cka(first, second))
    X[0, 0] = torch.inf
    assert math.isnan(cka(X, Y))
    Y[0, 0] = torch.nan
    assert math.isnan(cka(Y, Y))
    assert math.isnan(debiased_linear_cka(Y[1:4], Y[1:4]))
    assert not math.isnan(linear_cka(Y[1:4], Y[1:4]))
