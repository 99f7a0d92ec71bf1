import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from disentangle.geometry.angles import mean_cosine_similarity


def over_all_pairs(M: torch.Tensor) -> float:
    rows = M.double().numpy()
    rows = rows[np.abs(rows).max(axis=1) > 0]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    return cosines[~np.eye(len(rows), dtype=bool)].mean()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(400, 5), (4100, 3), (30, 30), (8, 50), (2, 3), (5, 1)])
@pytest.mark.parametrize("offset", [0.0, 0.3, 10.0])
def test_is_the_mean_over_all_pairs(shape, offset, dtype, generator):
    M = (torch.randn(shape, generator=generator) + offset).to(dtype)
    assert mean_cosine_similarity(M) == pytest.approx(over_all_pairs(M), rel=1e-6, abs=1e-13)


def test_in_exact_arithmetic():
    M = [[3.0, 4.0], [1.0, 0.0], [-1.0, 2.0], [0.5, -7.0]]
    with mpmath.workdps(40):
        cosines = [
            mpmath.fdot(a, b) / mpmath.sqrt(mpmath.fdot(a, a) * mpmath.fdot(b, b))
            for i, a in enumerate(M)
            for j, b in enumerate(M)
            if i != j
        ]
        exact = float(mpmath.fsum(cosines) / 12)
    assert mean_cosine_similarity(torch.tensor(M)) == pytest.approx(exact, rel=1e-14)


def test_known_angles():
    assert mean_cosine_similarity(torch.eye(5)) == pytest.approx(0, abs=1e-15)
    assert mean_cosine_similarity(torch.tensor([[1.0, 2.0], [-2.0, -4.0]])) == pytest.approx(-1)
    assert mean_cosine_similarity(torch.tensor([[2.0, 1.0]]).expand(7, 2)) == pytest.approx(1)
    assert mean_cosine_similarity(torch.cat((torch.eye(3), -torch.eye(3)))) == pytest.approx(-1 / 5)


def test_zero_rows_are_left_out(generator):
    M = torch.randn(40, 6, generator=generator) + 1
    with_zeros = torch.zeros(100, 6)
    with_zeros[10:90:2] = M
    assert mean_cosine_similarity(with_zeros) == pytest.approx(mean_cosine_similarity(M), rel=1e-12)


def test_fewer_than_two_directions_have_no_mean_angle():
    assert math.isnan(mean_cosine_similarity(torch.zeros(4, 3)))
    assert math.isnan(mean_cosine_similarity(torch.ones(1, 3)))
    assert math.isnan(mean_cosine_similarity(torch.tensor([[0.0, 0.0], [1.0, 2.0]])))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 30))
def test_does_not_depend_on_row_lengths_row_order_or_rotation(seed, d, n):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n, d))
    lengths = 10.0 ** rng.uniform(-200, 200, (n, 1))
    moved = rng.permutation(M @ ortho_group.rvs(d, random_state=rng) * lengths)
    value = mean_cosine_similarity(torch.from_numpy(moved))
    assert value == pytest.approx(mean_cosine_similarity(torch.from_numpy(M)), abs=1e-12)
    assert -1 / (n - 1) - 1e-12 <= value <= 1 + 1e-12
