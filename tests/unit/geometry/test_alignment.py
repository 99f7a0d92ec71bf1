"""W beside E, and H beside W: equal, unrelated, and in between."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group

from disentangle.geometry.alignment import alignments, row_cosine, subspace_overlap
from disentangle.geometry.decomposition import decompose
from disentangle.geometry.matrix import Matrix


def test_equal_spaces_overlap_and_random_ones_do_not() -> None:
    d = 40
    bases = [torch.from_numpy(ortho_group.rvs(d, random_state=i)) for i in range(60)]
    assert subspace_overlap(bases[0], bases[0]) == pytest.approx(1)
    found = [subspace_overlap(a, b) for a, b in zip(bases[::2], bases[1::2], strict=True)]
    assert np.mean(found) == pytest.approx(0, abs=0.03)
    # another basis of the same space
    turned = bases[0].clone()
    turned[:, :10] = bases[0][:, :10] @ torch.from_numpy(ortho_group.rvs(10, random_state=99))
    assert subspace_overlap(bases[0], turned) == pytest.approx(1)
    orthogonal = bases[0].roll(20, dims=1)
    assert subspace_overlap(bases[0], orthogonal) == pytest.approx(-1 / 3)  # (0 - 1/4) / (3/4)
    assert math.isnan(subspace_overlap(torch.ones(1, 1), torch.ones(1, 1)))


def test_cosine_of_rows(generator: torch.Generator) -> None:
    X = torch.randn(30, 6, generator=generator, dtype=torch.float64)
    Y = torch.randn(30, 6, generator=generator, dtype=torch.float64)
    expected = np.mean([x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(
        X.numpy(), Y.numpy(), strict=True)])  # fmt: skip
    assert row_cosine(X, Y) == pytest.approx(expected)
    assert row_cosine(1e-200 * X, 1e200 * Y) == pytest.approx(expected)
    assert row_cosine(X, 3 * X) == pytest.approx(1)
    with_zero = torch.cat([X, torch.zeros(2, 6)])
    assert row_cosine(with_zero, torch.cat([Y, torch.ones(2, 6)])) == pytest.approx(expected)
    assert math.isnan(row_cosine(torch.zeros(3, 2), torch.ones(3, 2)))


def test_what_is_beside_a_matrix_is_measured(generator: torch.Generator) -> None:
    W = torch.randn(300, 8, generator=generator, dtype=torch.float64)
    H = torch.randn(100, 8, generator=generator, dtype=torch.float64)
    H[:, :2] *= 50
    W[:, :2] *= 50
    of_w = alignments(Matrix(W, "W", embedding=W @ torch.linalg.qr(H[:8]).Q))
    assert of_w["embedding_cka"] == pytest.approx(1), "but for a rotation they are equal"
    assert abs(of_w["embedding_cosine"]) < 1 and math.isnan(of_w["subspace_overlap"])
    of_h = alignments(Matrix(H, "H", axes_of_w=decompose(W)[1]))
    assert of_h["subspace_overlap"] > 0.95 and math.isnan(of_h["embedding_cka"])
    assert of_h["subspace_overlap_centered"] == of_h["subspace_overlap"]
