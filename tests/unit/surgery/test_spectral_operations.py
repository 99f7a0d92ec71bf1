"""What each operation does to a matrix, against closed forms, numpy and scipy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, ortho_group

from disentangle.surgery.gauge import UnreachableError, gauge_shift, shifted
from disentangle.surgery.power import raised
from disentangle.surgery.rotation import haar, rotated
from disentangle.surgery.truncation import kept, truncated

SHAPES = [(60, 12), (12, 12), (7, 20)]


def random(n: int, d: int, seed: int = 0, mean: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) + mean


def sigma(M: torch.Tensor) -> np.ndarray:
    return np.linalg.svd(M.numpy(), compute_uv=False)


def share_of_rank(M: torch.Tensor) -> float:
    p = sigma(M) / sigma(M).sum()
    return math.exp(-(p[p > 0] * np.log(p[p > 0])).sum()) / M.shape[1]


def with_spectrum(values: list[float], n: int, d: int) -> torch.Tensor:
    """A matrix of a planted spectrum."""
    U = torch.linalg.qr(random(n, n, 1)).Q[:, : len(values)]
    V = torch.linalg.qr(random(d, d, 2)).Q[:, : len(values)]
    return U @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ V.T


# Gauge


@pytest.mark.parametrize("mean", [0.0, 0.7])
@pytest.mark.parametrize("target", [0.1, 0.3, 0.6, 0.8])
def test_a_gauge_shift_moves_the_rank_to_its_target_and_no_prediction(
    target: float, mean: float
) -> None:
    W, used = random(80, 12, mean=mean), 70
    h = random(50, 12, 3)
    after = shifted(W, used, target=target, seed=4)
    assert share_of_rank(after[:used]) == pytest.approx(target, rel=1e-9)
    before, now = (torch.softmax(h @ M.T, dim=1) for M in (W, after))  # over padding too
    assert torch.allclose(before, now, rtol=1e-12, atol=1e-12)
    assert torch.equal((after - W).double().std(dim=0) < 1e-12, torch.ones(12, dtype=torch.bool))


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_it_reaches_targets_above_too_by_taking_the_mean_away(n: int, d: int) -> None:
    W = random(n, d, mean=2.0)
    centered = share_of_rank(W - W.mean(dim=0))
    target = (share_of_rank(W) + 2 * centered) / 3
    v = gauge_shift(W, target=target, seed=0)
    assert share_of_rank(W + v) == pytest.approx(target, rel=1e-9)
    share = -v / W.mean(dim=0)
    assert torch.allclose(share, share[0].expand(d)) and 0 < share[0] < 1
    with pytest.raises(UnreachableError, match="without its mean row"):
        gauge_shift(W, target=centered * 1.001, seed=0)


def test_there_is_no_rank_below_one() -> None:
    with pytest.raises(UnreachableError, match="not above 1"):
        gauge_shift(random(60, 12), target=1 / 12, seed=0)


def test_the_seed_chooses_the_vector() -> None:
    W = random(60, 12)
    first, same, other = (gauge_shift(W, target=0.5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.allclose(first, other)


# Rotation


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_a_rotation_keeps_every_singular_value(n: int, d: int) -> None:
    M = random(n, d, mean=1.0)
    after = rotated(M, seed=5)
    assert sigma(after) == pytest.approx(sigma(M), rel=1e-12)
    assert torch.allclose(after @ after.T, M @ M.T)  # rows lie to each other as they did
    assert (after - M).norm() > 0.5 * M.norm()


def test_rotations_are_uniformly_distributed() -> None:
    d, count = 3, 2000
    ours = torch.stack([haar(d, seed=seed) for seed in range(count)]).numpy()
    assert ours @ ours.transpose(0, 2, 1) == pytest.approx(np.eye(d)[None].repeat(count, 0))
    theirs = ortho_group.rvs(d, size=count, random_state=np.random.default_rng(0))
    for entry in np.ndindex(d, d):
        # an entry of a column on the 2-sphere is uniform on [-1, 1] (Archimedes)
        assert kstest(ours[:, *entry], "uniform", args=(-1, 2)).pvalue > 1e-3
    # a sign that is not corrected gives traces another distribution
    assert (
        kstest(np.trace(ours, axis1=1, axis2=2), np.trace(theirs, axis1=1, axis2=2)).pvalue > 0.01
    )
    assert (np.linalg.det(ours) > 0).mean() == pytest.approx(0.5, abs=0.05)


# Truncation


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("k", [1, 3, 6])
def test_truncation_is_the_nearest_matrix_of_its_rank(n: int, d: int, k: int) -> None:
    M = random(n, d)
    U, values, Vt = np.linalg.svd(M.numpy(), full_matrices=False)
    after = truncated(M, n, rank=k)
    assert after.numpy() == pytest.approx(U[:, :k] * values[:k] @ Vt[:k], abs=1e-12)
    assert float((M - after).norm()) == pytest.approx(math.hypot(*values[k:]))
    assert torch.allclose(truncated(after, n, rank=k), after, atol=1e-12), "again changes nothing"


def test_a_rank_is_a_number_or_a_share() -> None:
    assert [kept(rank, 12) for rank in (0.001, 0.4, 0.999, 1, 5, 12, 99)] == [
        1,
        5,
        12,
        1,
        5,
        12,
        12,
    ]


def test_ties_leave_a_matrix_of_the_wanted_rank() -> None:
    M = with_spectrum([3.0] * 6, 30, 6)
    after = sigma(truncated(M, 30, rank=2))
    assert after == pytest.approx([3, 3, 0, 0, 0, 0], abs=1e-12)


# Power


@given(
    exponent=st.floats(0.1, 4),
    values=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=6),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
)
def test_a_power_is_of_the_singular_values_at_the_same_norm(
    exponent: float, values: list[float], scale: float
) -> None:
    values = sorted(values, reverse=True)
    M = with_spectrum([scale * value for value in values], 20, 6)
    after = sigma(raised(M, 20, exponent=exponent))[: len(values)]
    powers = np.array(values) ** exponent
    expected = powers * scale * math.hypot(*values) / math.hypot(*powers)
    assert after == pytest.approx(expected, rel=1e-6, abs=1e-13 * expected[0])


def test_exponents_multiply_and_vectors_stay() -> None:
    M = random(60, 12)
    twice = raised(raised(M, 60, exponent=0.5), 60, exponent=3)
    assert torch.allclose(twice, raised(M, 60, exponent=1.5), atol=1e-12)
    assert torch.allclose(raised(raised(M, 60, exponent=0.3), 60, exponent=1 / 0.3), M, atol=1e-9)
    assert torch.allclose(raised(M, 60, exponent=1), M, atol=1e-12)
    product = raised(M, 60, exponent=0.5).T @ M  # the same vectors: V diag V^T
    assert torch.allclose(product, product.T, atol=1e-10)


def test_flatter_has_a_higher_rank_and_sharper_a_lower() -> None:
    M = random(60, 12) * torch.arange(1, 13)
    ranks = [share_of_rank(raised(M, 60, exponent=a)) for a in (0.25, 0.5, 1, 2, 4)]
    assert ranks == sorted(ranks, reverse=True) and ranks[0] > 0.95 > 0.5 > ranks[-1]


def test_ties_and_tiny_singular_values_survive() -> None:
    values = [1.0, 1.0, 1.0, 1e-9, 1e-13]
    after = sigma(raised(with_spectrum(values, 40, 8), 40, exponent=0.5))
    expected = np.sqrt(values) * math.sqrt(3) / math.hypot(*np.sqrt(values))
    assert after[:5] == pytest.approx(expected, rel=5e-3)
    assert after[5:] == pytest.approx(0, abs=1e-15), "nothing is made of rounding errors"


@pytest.mark.parametrize("operation", ["truncate", "power"])
def test_rows_that_pad_the_vocabulary_get_what_the_others_get(operation: str) -> None:
    W, used = random(80, 12), 60
    W[used:] *= 1e3  # which would dominate the spectrum
    after = truncated(W, used, rank=4) if operation == "truncate" else raised(W, used, exponent=0.5)
    alone = (
        truncated(W[:used], used, rank=4)
        if operation == "truncate"
        else raised(W[:used], used, exponent=0.5)
    )
    assert torch.allclose(after[:used], alone)
    # one map of the columns serves all rows
    solved = torch.linalg.lstsq(W[:used], alone).solution
    assert torch.allclose(after[used:], W[used:] @ solved, atol=1e-8)
