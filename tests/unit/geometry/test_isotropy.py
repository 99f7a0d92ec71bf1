import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from disentangle.geometry.centering import center
from disentangle.geometry.decomposition import decompose, singular_values
from disentangle.geometry.isoscore import isoscore_of_spectrum
from disentangle.geometry.isotropy import (
    _log_partitions,
    _rough,
    partition_isotropies,
    partition_isotropy,
)
from disentangle.geometry.matrix import Matrix


def isoscore(M: torch.Tensor) -> float:
    """As it is read off the spectrum that is kept."""
    return isoscore_of_spectrum(singular_values(center(M)), M.shape[1])


def naive_partition_isotropy(M: torch.Tensor) -> float:
    """The definition, with the eigenvectors of M^T M and the exponentials as they are."""
    rows = M.double().numpy()
    _, vectors = np.linalg.eigh(rows.T @ rows)
    Z = [np.exp(rows @ (sign * c)).sum() for c in vectors.T for sign in (1, -1)]
    return min(Z) / max(Z)


def isoscore_of_the_paper(M: torch.Tensor) -> float:
    """Rudman et al. 2022, steps 2 to 7, in their own terms."""
    points = M.double().numpy()
    d = points.shape[1]
    v = np.linalg.eigvalsh(np.atleast_2d(np.cov(points.T)))
    v_hat = np.sqrt(d) * v / np.linalg.norm(v)
    delta = np.linalg.norm(v_hat - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    phi = (d - delta**2 * (d - np.sqrt(d))) ** 2 / d**2
    return (d * phi - 1) / (d - 1)


# partition isotropy


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(400, 5), (9000, 3), (60, 20), (6, 6), (4, 9), (1, 3), (7, 1)])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_partition_isotropy_is_its_definition(shape, offset, dtype, generator):
    spread = torch.linspace(0.5, 1.5, shape[1])  # eigenvalues apart, so eigenvectors determined
    M = (torch.randn(shape, generator=generator) * spread + offset).to(dtype)
    assert partition_isotropy(M) == pytest.approx(naive_partition_isotropy(M), rel=1e-6)
    # those of a matrix and of the centred one, from one product
    both = partition_isotropies(Matrix(M, "M"))
    assert both["partition_isotropy"] == pytest.approx(partition_isotropy(M), rel=1e-9)
    if shape[0] > 1:
        alone = partition_isotropy(center(M))
        assert both["partition_isotropy_centered"] == pytest.approx(alone, rel=1e-9)


def test_partition_isotropy_of_axes_in_closed_form():
    M = torch.diag(torch.tensor([1.0, 2.0, 3.0]))
    # Z(c) = 2 + exp(+-m): smallest along -3, largest along +3
    assert partition_isotropy(M) == pytest.approx((2 + math.exp(-3)) / (2 + math.exp(3)))


def test_partition_isotropy_takes_both_signs_of_an_eigenvector():
    # one eigenvector, +-1: without the other sign the ratio would be 1
    assert partition_isotropy(torch.tensor([[1.0], [2.0]])) == pytest.approx(
        (math.exp(-1) + math.exp(-2)) / (math.exp(1) + math.exp(2))
    )


def test_partition_isotropy_takes_eigenvectors_of_eigenvalue_zero():
    # along the row Z is exp(+-1), across it exp(0); symmetric rows leave the minimum to the zero
    M = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    assert partition_isotropy(M) == pytest.approx(2 / (math.exp(1) + math.exp(-1)))


@pytest.mark.parametrize("scale", [0.02, 1.0, 4.0])
@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_the_bound_on_float32_holds(scale, offset, generator):
    """Rough values are within it, and what is refined has all digits of float64."""
    M = scale * (torch.randn(3000, 24, generator=generator, dtype=torch.float64) + offset)
    M[:, :3] *= 2
    axes = decompose(M)[1]
    exact = _log_partitions(M, axes)
    rough = _rough(M, axes)
    assert rough is not None
    off = (rough[0] - exact).abs().max()
    assert 0 < off <= rough[1]
    expected = float(torch.exp(exact.min() - exact.max()))
    assert partition_isotropy(M) == pytest.approx(expected, rel=1e-13)
    assert partition_isotropy(M.float()) == pytest.approx(expected, rel=1e-3)


def test_partition_isotropy_of_huge_entries_does_not_overflow():
    M = torch.diag(torch.tensor([300.0, 500.0], dtype=torch.float64))
    with mpmath.workdps(40):
        e = mpmath.exp
        exact = (1 + e(-500)) / (1 + e(500))
    assert partition_isotropy(M) == pytest.approx(float(exact), rel=1e-10)
    assert partition_isotropy(1e30 * M) == 0


def test_partition_isotropy_of_tiny_entries_is_one_and_of_zero_undefined(generator):
    assert partition_isotropy(1e-30 * torch.randn(50, 4, generator=generator)) == pytest.approx(1)
    assert math.isnan(partition_isotropy(torch.zeros(5, 4)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 30))
def test_partition_isotropy_does_not_depend_on_rotation_or_row_order(seed, d, n):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n, d)) * np.arange(1, d + 1) * (n >= d)
    M[:, 0] += 1
    moved = rng.permutation(M @ ortho_group.rvs(d, random_state=rng))
    value = partition_isotropy(torch.from_numpy(M))
    assert 0 < value <= 1
    assert partition_isotropy(torch.from_numpy(moved)) == pytest.approx(value, rel=1e-6)


# IsoScore


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(400, 5), (60, 20), (6, 6), (4, 9), (2, 2)])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_isoscore_is_its_definition(shape, offset, dtype, generator):
    M = (torch.randn(shape, generator=generator) * torch.arange(1, shape[1] + 1) + offset).to(dtype)
    assert isoscore(M) == pytest.approx(isoscore_of_the_paper(M), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.5, 2.0])
def test_isoscore_against_the_authors_package(decay, generator):
    from IsoScore.IsoScore import IsoScore

    points = torch.randn(500, 12, generator=generator, dtype=torch.float64)
    points = points * torch.arange(1, 13) ** -decay + 1
    assert isoscore(points) == pytest.approx(float(IsoScore(points.numpy())), rel=1e-6)


def test_isoscore_of_isotropic_and_of_flat_points():
    cross = torch.cat((torch.eye(6), -torch.eye(6)))
    assert isoscore(cross + 100) == pytest.approx(1)
    line = torch.linspace(-1, 1, 9)[:, None] * torch.arange(1.0, 5)
    assert isoscore(line) == pytest.approx(0, abs=1e-6)
    # k of d axes used alike: (k - 1) / (d - 1)
    assert isoscore(torch.cat((cross[:, :4], torch.zeros(12, 4)), dim=1)) == pytest.approx(3 / 7)


def test_isoscore_is_undefined_in_one_dimension_and_for_one_point(generator):
    assert math.isnan(isoscore(torch.randn(9, 1, generator=generator)))
    assert math.isnan(isoscore(torch.randn(1, 9, generator=generator)))
    assert math.isnan(isoscore(torch.full((9, 3), 0.1)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 30))
def test_isoscore_does_not_depend_on_scale_rotation_translation_or_row_order(seed, d, n):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n, d))
    moved = rng.permutation(M @ ortho_group.rvs(d, random_state=rng) * 1e-30 + 3e-30)
    value = isoscore(torch.from_numpy(M))
    assert -1e-12 <= value <= 1 + 1e-12
    assert isoscore(torch.from_numpy(moved)) == pytest.approx(value, abs=1e-9)
