"""CP and Tucker against tensorly, closed forms and planted factors."""

import pytest
import torch

from disentangle.perturbation.tensor_decompositions import (
    cp,
    most_ranks,
    most_terms,
    spectra_of_sides,
    tucker,
)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def planted_terms(terms: int) -> torch.Tensor:
    A, B, C = noise(3, terms, seed=1), noise(9, terms, seed=2), noise(7, terms, seed=3)
    return torch.einsum("ir,jr,kr->ijk", A, B, C)


def planted_sides(n: int, d: int) -> torch.Tensor:
    return noise(9, n, seed=4) @ noise(3, n, d, seed=5) @ noise(d, 7, seed=6)


def error(T: torch.Tensor, found: torch.Tensor) -> float:
    return float((T - found).norm() / T.norm())


def truncated_svd(M: torch.Tensor, rank: int) -> torch.Tensor:
    U, sigma, Vh = torch.linalg.svd(M, full_matrices=False)
    return (U[:, :rank] * sigma[:rank]) @ Vh[:rank]


# Planted truths and closed forms


@pytest.mark.parametrize("terms", [1, 2, 3])
def test_cp_finds_planted_terms(terms: int) -> None:
    T = planted_terms(terms)
    assert error(T, cp(T, terms)) < 1e-4
    assert terms == 1 or error(T, cp(T, terms - 1)) > 0.05


@pytest.mark.parametrize("ranks", [(1, 1), (2, 3), (4, 2)])
def test_tucker_finds_planted_ranks(ranks: tuple[int, int]) -> None:
    T = planted_sides(*ranks)
    assert error(T, tucker(T, ranks)) < 1e-12
    fewer = (max(1, ranks[0] - 1), max(1, ranks[1] - 1))
    assert ranks == (1, 1) or error(T, tucker(T, fewer)) > 0.05


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_of_one_slice_both_are_the_truncated_svd(rank: int) -> None:
    T = noise(1, 9, 7)
    best = truncated_svd(T[0], rank)
    assert torch.allclose(tucker(T, (rank, rank))[0], best, atol=1e-10)
    assert torch.allclose(cp(T, rank)[0], best, atol=1e-6)


def test_all_that_there_can_be_is_exact() -> None:
    T = noise(2, 5, 4)
    assert most_ranks(T.shape) == (5, 4) and most_terms(T.shape) == 8
    assert most_ranks(torch.Size([2, 9, 3])) == (6, 3)
    assert error(T, tucker(T, most_ranks(T.shape))) < 1e-12
    assert error(T, cp(T, most_terms(T.shape))) < 1e-3


def test_spectra_of_sides_are_those_of_the_unfoldings() -> None:
    T = noise(3, 9, 7)
    n, d = spectra_of_sides(T)
    assert torch.allclose(n, torch.linalg.svdvals(T.movedim(1, 0).reshape(9, 21)))
    assert torch.allclose(d, torch.linalg.svdvals(T.movedim(2, 0).reshape(7, 27)))


def test_tucker_loses_no_more_than_the_tails_of_both_sides() -> None:
    T, ranks = noise(3, 9, 7), (4, 3)
    tails = [
        float(sigma[rank:].square().sum())
        for sigma, rank in zip(spectra_of_sides(T), ranks, strict=True)
    ]
    lost = float((T - tucker(T, ranks)).square().sum())
    assert max(tails) <= lost <= sum(tails)  # De Lathauwer et al. 2000, property 10


def test_a_tensor_of_zeros_stays_one() -> None:
    T = torch.zeros(2, 4, 3, dtype=torch.float64)
    assert not cp(T, 2).any() and not tucker(T, (2, 2)).any()


def test_equal_tensors_give_equal_bits() -> None:
    T = noise(3, 9, 7)
    assert torch.equal(cp(T, 12), cp(T.clone(), 12))
    assert torch.equal(tucker(T, (4, 3)), tucker(T.clone(), (4, 3)))


# tensorly


@pytest.mark.parametrize("terms", [1, 2, 5, 12])
def test_cp_is_as_near_as_that_of_tensorly(terms: int) -> None:
    from tensorly.cp_tensor import cp_to_tensor
    from tensorly.decomposition import parafac

    T = noise(4, 12, 10, seed=7) + 2 * planted_terms_of(4, 12, 10)
    theirs = cp_to_tensor(
        parafac(T.numpy(), terms, n_iter_max=100, init="svd", tol=1e-8, random_state=0)
    )
    assert error(T, cp(T, terms)) == pytest.approx(
        error(T, torch.from_numpy(theirs)), rel=0.02 if terms < 12 else 0.05
    )


def planted_terms_of(*shape: int) -> torch.Tensor:
    factors = (noise(side, 3, seed=side) for side in shape)
    return torch.einsum("ir,jr,kr->ijk", *factors)


@pytest.mark.parametrize("ranks", [(1, 1), (3, 2), (6, 5)])
def test_tucker_is_that_of_tensorly(ranks: tuple[int, int]) -> None:
    from tensorly.decomposition import partial_tucker
    from tensorly.tucker_tensor import multi_mode_dot

    T = noise(4, 12, 10, seed=8) + planted_terms_of(4, 12, 10)
    (core, factors), _ = partial_tucker(
        T.numpy(), ranks, modes=[1, 2], n_iter_max=200, init="svd", tol=1e-10
    )
    theirs = torch.from_numpy(multi_mode_dot(core, factors, modes=[1, 2]))
    assert error(theirs, tucker(T, ranks)) < 1e-3
    assert error(T, tucker(T, ranks)) == pytest.approx(error(T, theirs), abs=1e-6)
