import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ortho_group

from disentangle.geometry.decomposition import singular_values, triangular_factor
from disentangle.geometry.effective_ranks import (
    effective_rank,
    frobenius_norm,
    numerical_rank,
    participation_ratio,
    spectral_entropy_rank,
    spectral_norm,
    stable_rank,
)

RANKS = (effective_rank, spectral_entropy_rank, participation_ratio, stable_rank)

spectra = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1e3)).map(
    lambda sigma: np.sort(sigma)[::-1].copy()
)
nonzero_spectra = spectra.filter(lambda sigma: sigma[0] > 1e-3)


def planted(n: int, sigma: np.ndarray, seed: int = 0) -> torch.Tensor:
    """An n x len(sigma) float64 matrix whose singular values are sigma."""
    d = len(sigma)
    rng = np.random.default_rng(seed)
    U, _ = np.linalg.qr(rng.standard_normal((n, d)))
    V, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return torch.from_numpy((U * sigma) @ V.T)


# singular values


@pytest.mark.parametrize(
    "shape", [(5000, 7), (300, 40), (40, 40), (41, 40), (12, 40), (1, 9), (9, 1)]
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_singular_values_are_those_of_the_stored_values_in_float64(shape, dtype, generator):
    M = torch.randn(shape, generator=generator).to(dtype)
    sigma = singular_values(M)
    assert sigma.dtype == np.float64
    assert sigma == pytest.approx(np.linalg.svd(M.double().numpy(), compute_uv=False), rel=1e-12)


def test_triangular_factor_has_the_gram_matrix_of_the_matrix(generator):
    M = torch.randn(1000, 6, generator=generator, dtype=torch.float64)
    R = triangular_factor(M)
    assert R.shape == (6, 6)
    torch.testing.assert_close(R.T @ R, M.T @ M)


def test_nearly_collapsed_spectrum_keeps_what_a_gram_matrix_loses():
    M = planted(500, 10.0 ** -np.arange(15))
    sigma = singular_values(M)
    with mpmath.workdps(50):
        gram = mpmath.matrix(15, 15)
        rows = [[mpmath.mpf(x) for x in row] for row in M.tolist()]
        for i in range(15):
            for j in range(i + 1):
                gram[i, j] = gram[j, i] = mpmath.fsum(row[i] * row[j] for row in rows)
        squares = mpmath.eigsy(gram, eigvals_only=True)
        exact = sorted((math.sqrt(x) for x in squares), reverse=True)
    assert sigma == pytest.approx(np.array(exact), rel=1e-6, abs=3e-16)
    assert numerical_rank(sigma, (500, 15), "float64") == 13  # tolerance 1.1e-13


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [
        (1e-30, torch.float32),
        (1e-44, torch.float32),  # subnormal
        (1e35, torch.float32),
        (3e-7, torch.float16),  # subnormal
        (1e-38, torch.bfloat16),
        (1e-200, torch.float64),
        (1e-300, torch.float64),
        (1e300, torch.float64),
    ],
)
def test_tiny_and_huge_entries_neither_underflow_nor_overflow(scale, dtype, generator):
    M = (torch.randn(200, 5, generator=generator, dtype=torch.float64) * scale).to(dtype)
    sigma = singular_values(M)
    exact = np.linalg.svd(M.double().numpy() / scale, compute_uv=False)
    assert sigma / scale == pytest.approx(exact, rel=1e-10)
    assert frobenius_norm(sigma) / scale == pytest.approx(math.sqrt((exact**2).sum()), rel=1e-10)
    for rank in RANKS:
        assert rank(sigma) == pytest.approx(rank(exact), rel=1e-10)


# ranks against independent implementations


@pytest.mark.parametrize("decay", [0.0, 0.5, 2.0])
def test_against_weightwatcher(decay, generator):
    from weightwatcher.RMT_Util import matrix_entropy
    from weightwatcher.RMT_Util import stable_rank as weightwatcher_stable_rank

    M = torch.randn(300, 20, generator=generator) * torch.arange(1, 21) ** -decay
    sigma = singular_values(M)
    exact = np.linalg.svd(M.double().numpy(), compute_uv=False)
    assert stable_rank(sigma) == pytest.approx(weightwatcher_stable_rank(exact**2), rel=1e-6)
    entropy = matrix_entropy(exact, 300) * math.log(20)  # weightwatcher divides by ln(rank)
    assert spectral_entropy_rank(sigma) == pytest.approx(math.exp(entropy), rel=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.5, 2.0])
def test_participation_ratio_against_scikit_dimension(decay, generator):
    from skdim.id import lPCA

    M = torch.randn(300, 20, generator=generator) * torch.arange(1, 21) ** -decay
    variances = np.linalg.svd(M.double().numpy(), compute_uv=False) ** 2
    reference = lPCA(ver="participation_ratio", fit_explained_variance=True).fit(variances)
    assert participation_ratio(singular_values(M)) == pytest.approx(reference.dimension_, rel=1e-6)


@given(nonzero_spectra)
def test_effective_rank_is_d_times_exp_of_minus_the_singular_entropy(sigma):
    """Godey et al. 2024: the Kullback-Leibler divergence of sigma / sum(sigma) from uniform."""
    d = len(sigma)
    with mpmath.workdps(30):
        total = mpmath.fsum(sigma.tolist())
        p = [mpmath.mpf(s) / total for s in sigma.tolist() if s > 0]
        singular_entropy = mpmath.fsum(x * mpmath.log(x * d) for x in p)
        expected = float(d * mpmath.exp(-singular_entropy))
    assert effective_rank(sigma) == pytest.approx(expected, rel=1e-12)


@given(nonzero_spectra)
def test_ranks_are_ordered_and_within_bounds(sigma):
    ranks = [1.0, *(rank(sigma) for rank in reversed(RANKS)), float(np.count_nonzero(sigma))]
    assert all(low <= high * (1 + 1e-12) for low, high in pairwise(ranks))


@given(nonzero_spectra, st.floats(1e-250, 1e250))
def test_ranks_do_not_depend_on_scale(sigma, scale):
    for rank in RANKS:
        assert rank(sigma * scale) == pytest.approx(rank(sigma), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 30))
def test_spectrum_does_not_depend_on_rotation_or_row_order(seed, d, n):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n, d))
    moved = rng.permutation(M) @ ortho_group.rvs(d, random_state=rng)
    sigma = singular_values(torch.from_numpy(M))
    np.testing.assert_allclose(
        singular_values(torch.from_numpy(moved)), sigma, rtol=0, atol=1e-13 * sigma[0]
    )


# known answers


def test_known_spectrum():
    sigma = np.array([3.0, 1.0])
    assert effective_rank(sigma) == pytest.approx(4 / 3**0.75)
    assert spectral_entropy_rank(sigma) == pytest.approx(10 / 9**0.9)
    assert stable_rank(sigma) == pytest.approx(10 / 9)
    assert participation_ratio(sigma) == pytest.approx(100 / 82)
    assert spectral_norm(sigma) == 3
    assert frobenius_norm(sigma) == pytest.approx(math.sqrt(10))


def test_orthonormal_columns_have_rank_d():
    sigma = singular_values(planted(900, np.ones(24)))
    for rank in RANKS:
        assert rank(sigma) == pytest.approx(24, rel=1e-12)
    assert numerical_rank(sigma, (900, 24), "float64") == 24


def test_rank_one_has_rank_one(generator):
    u = torch.randn(700, 1, generator=generator, dtype=torch.float64)
    v = torch.randn(1, 11, generator=generator, dtype=torch.float64)
    sigma = singular_values(u @ v)
    for rank in RANKS:
        assert rank(sigma) == pytest.approx(1, rel=1e-6)
    assert numerical_rank(sigma, (700, 11), "float64") == 1


def test_zero_spectrum_has_norms_but_no_rank():
    zero = np.zeros(3)
    assert all(math.isnan(rank(zero)) for rank in RANKS)
    assert numerical_rank(zero, (5, 3), "float32") == 0
    assert spectral_norm(zero) == frobenius_norm(zero) == 0


@pytest.mark.parametrize(
    ("shape", "effective", "participation", "stable"),
    [
        ((50304, 128), 0.99968, 0.99746, 0.906),
        ((5030, 51), 0.99872, 0.98992, 0.825),  # 1/10 of 50304 x 512 and 50304 x 768:
        ((5030, 77), 0.99808, 0.98496, 0.792),  # in the limit only d / n matters
    ],
)
def test_gaussian_follows_marchenko_and_pastur(shape, effective, participation, stable, generator):
    n, d = shape
    sigma = singular_values(torch.randn(n, d, generator=generator))
    assert effective_rank(sigma) / d == pytest.approx(effective, abs=1e-4)
    assert participation_ratio(sigma) / d == pytest.approx(participation, abs=5e-4)
    assert participation_ratio(sigma) / d == pytest.approx(1 / (1 + d / n), abs=5e-4)
    assert stable_rank(sigma) / d == pytest.approx(stable, abs=0.03)


# numerical rank


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("smallest", [1e-2, 1e-4, 1e-8, 1e-12, 1e-15])
def test_numerical_rank_is_that_of_numpy_on_the_stored_matrix(dtype, smallest):
    M = planted(200, np.array([1.0, 0.5, smallest])).to(dtype)
    rank = numerical_rank(singular_values(M), (200, 3), str(dtype).removeprefix("torch."))
    assert rank == np.linalg.matrix_rank(M.numpy())


def test_numerical_rank_counts_with_the_larger_side_and_the_stored_eps():
    sigma = np.array([1.0, 1e-4, 1e-12])
    assert numerical_rank(sigma, (100, 3), "float32") == 2  # tolerance 1.2e-5
    assert numerical_rank(sigma, (3, 10_000), "float32") == 1  # 1.2e-3
    assert numerical_rank(sigma, (100, 3), "float64") == 3  # 2.2e-14
    assert numerical_rank(sigma * 1e-9, (100, 3), "float32") == 2


@pytest.mark.parametrize("stored", ["float16", "bfloat16"])
def test_numerical_rank_of_half_precision_takes_the_eps_of_float32(stored, generator):
    M = torch.randn(50_304, 4, generator=generator).to(getattr(torch, stored))
    sigma = singular_values(M)
    assert numerical_rank(sigma, (50_304, 4), stored) == 4
    assert numerical_rank(np.array([1.0, 1e-4, 1e-12]), (100, 3), stored) == 2
