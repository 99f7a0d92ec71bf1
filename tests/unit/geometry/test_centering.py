import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from disentangle.geometry.centering import center


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_subtracts_the_column_means(dtype, generator):
    M = (torch.randn(300, 7, generator=generator) + torch.arange(7)).to(dtype)
    exact = M.double().numpy() - M.double().numpy().mean(axis=0)
    centered = center(M)
    assert centered.dtype == torch.float64
    np.testing.assert_allclose(centered.numpy(), exact, rtol=0, atol=1e-14)


@given(st.integers(1, 200), st.floats(-1e300, 1e300))
def test_equal_rows_center_to_exactly_zero(n, value):
    row = torch.tensor([[value, value / 3, -value / 7]], dtype=torch.float64)
    assert not center(row.expand(n, 3)).any()


def test_equal_rows_center_to_zero_however_many(generator):
    # the plain mean of a million equal float64 is off by more than the 8 roundings allowed for
    row = torch.randn(1, 16, generator=generator, dtype=torch.float64)
    assert not center(row.expand(1_000_000, 16).contiguous()).any()


def test_a_spread_far_smaller_than_the_mean_survives():
    noise = torch.tensor([[-3.0], [1.0], [2.0]], dtype=torch.float64) * 2.0**-40
    torch.testing.assert_close(center(1 + noise), noise, rtol=1e-12, atol=0)


@pytest.mark.parametrize("seed", range(20))
def test_a_row_at_the_mean_is_zero(seed):
    rows = torch.randn(1, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert not center(torch.cat((rows, 3 * rows, 2 * rows, 1.3 * rows, 2.7 * rows)))[2].any()


def test_roundings_of_a_float64_computation_do_not_count_as_spread(generator):
    row = torch.randn(1, 5, generator=generator, dtype=torch.float64)
    jitter = torch.randint(-1, 2, (1000, 5), generator=generator) * torch.finfo(torch.float64).eps
    assert not center(row * (1 + jitter)).any()
