"""A spectrum is taken from the Gram matrix only where it keeps its digits."""

import numpy as np
import pytest
import torch

from disentangle.geometry.decomposition import CONDITION, decompose_gram
from disentangle.geometry.matrix import Matrix


def planted(condition: float, generator: torch.Generator, *, d: int = 24) -> torch.Tensor:
    """A tall matrix of zero column means, with singular values from 1 down to 1 / condition."""
    raw = torch.randn(400, d, generator=generator, dtype=torch.float64)
    U = torch.linalg.qr(raw - raw.mean(0)).Q
    V = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64)).Q
    sigma = torch.from_numpy(np.geomspace(1, 1 / condition, d))
    return U * sigma @ V.T


@pytest.mark.parametrize("condition", [1.0, 10.0, 0.9 * CONDITION, 1.1 * CONDITION, 1e6, 1e12])
def test_singular_values_are_the_planted_ones(condition: float, generator: torch.Generator) -> None:
    M = planted(condition, generator)
    matrix = Matrix(M, "M")
    expected = np.geomspace(1, 1 / condition, 24)
    # the Gram matrix alone would leave 1e-4 of the last ones at 1e6, and nothing at 1e12
    tolerance = 1e-15 * condition**2 + 1e-14 if condition < CONDITION else 1e-14 * condition
    for sigma, V in (matrix.decomposed, matrix.decomposed_centered):
        assert sigma.numpy() == pytest.approx(expected, rel=tolerance)
        turned = M @ V
        assert torch.allclose(torch.linalg.vector_norm(turned, dim=0), sigma, rtol=1e-6, atol=1e-14)
        assert torch.allclose(V.T @ V, torch.eye(24, dtype=torch.float64), atol=1e-13)


def test_the_mean_is_in_the_spectrum_of_the_matrix_alone(generator: torch.Generator) -> None:
    for offset in (1.0, 1e4):  # the larger one is beyond the Gram matrix
        matrix = Matrix(offset * torch.linspace(-1, 1, 24) + planted(5.0, generator), "M")
        expected = torch.linalg.svdvals(matrix.M)
        assert matrix.decomposed[0].numpy() == pytest.approx(expected.numpy(), rel=1e-10)
        assert matrix.decomposed_centered[0].numpy() == pytest.approx(
            np.geomspace(1, 1 / 5, 24), rel=1e-9
        )


def test_what_the_gram_matrix_cannot_tell_is_refused(generator: torch.Generator) -> None:
    for condition, scale in ((2 * CONDITION, 1.0), (2.0, 1e-120), (2.0, 1e120), (2.0, 1e170)):
        M = scale * planted(condition, generator)
        assert decompose_gram(M.T @ M) is None
        sigma = Matrix(M, "M").decomposed_centered[0] / scale
        assert sigma.numpy() == pytest.approx(np.geomspace(1, 1 / condition, 24), rel=1e-9)
    twice = planted(2.0, generator)[:, [0, 0, 1]]
    assert decompose_gram(twice.T @ twice) is None  # of rank 2
    assert decompose_gram(torch.eye(3, dtype=torch.float64)) is not None
