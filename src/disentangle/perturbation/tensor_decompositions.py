"""Approximate a stack of matrices, T (slices x n x d), by few terms or by few directions.

Both are fitted by alternating least squares from a start that depends on T alone, so equal tensors
give equal results on one machine. `tensorly` computes the same and is the oracle of the tests.
"""

import torch

from disentangle.surgery.spectrum import right_vectors

__all__ = ["cp", "most_ranks", "most_terms", "spectra_of_sides", "tucker"]

SWEEPS = 100
"""Most rounds of alternating least squares."""

SETTLED = 1e-8
"""A fit has settled when a round changes the relative error by less than this."""

FILL = 0
"""Seed of the start's columns for which T has no singular vector."""


def most_terms(shape: torch.Size) -> int:
    """A number of CP terms that always suffices for a tensor: the least product of two sides.

    The tensor is then written fibre by fibre (Kolda & Bader 2009, section 3.1).
    """
    slices, n, d = shape
    return min(slices * n, slices * d, n * d)


def most_ranks(shape: torch.Size) -> tuple[int, int]:
    """The largest ranks that the sides n and d of a tensor can have: those of its unfoldings."""
    slices, n, d = shape
    return min(n, slices * d), min(d, slices * n)


def spectra_of_sides(T: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Singular values of the unfoldings along n and along d, descending."""
    return right_vectors(_unfolded(T, 1).T)[0], right_vectors(_unfolded(T, 2).T)[0]


def cp(T: torch.Tensor, terms: int) -> torch.Tensor:
    """The sum of `terms` outer products a_r o b_r o c_r nearest to T, as far as a descent finds it.

    Alternating least squares (Carroll & Chang 1970, Harshman 1970; Kolda & Bader 2009, figure 3.3)
    from the leading singular vectors of each unfolding, with random columns where there are too
    few of them. Each step solves for the factor of one side, A = X (B^T B * C^T C)^+ with
    x_ir = sum_jk t_ijk b_jr c_kr. Of one slice it is the truncated SVD.

    Args:
        T: slices x n x d, float64, finite.
        terms: from 1 to `most_terms`.

    Returns:
        The approximation, in T's shape.
    """
    size = T.square().sum()
    if size == 0:
        return T.clone()
    factors = _start(T, terms)
    before = torch.inf
    for _ in range(SWEEPS):
        for side in range(3):
            first, second = (factors[other] for other in range(3) if other != side)
            gram = (first.T @ first) * (second.T @ second)
            products = _with_factors(T, side, factors)
            found = products @ torch.linalg.pinv(gram, hermitian=True)
            if side < 2:  # the last factor carries the lengths of all
                found = _unit_columns(found)
            factors[side] = found
        left = size - 2 * (products * found).sum() + (gram * (found.T @ found)).sum()
        error = float((left.clamp(min=0) / size).sqrt())
        if abs(before - error) < SETTLED:
            break
        before = error
    A, B, C = factors
    return (A[:, None, :] * B) @ C.T


def tucker(T: torch.Tensor, ranks: tuple[int, int]) -> torch.Tensor:
    """The nearest tensor whose sides n and d have these ranks, as far as a descent finds it.

    Higher-order orthogonal iteration (De Lathauwer, De Moor & Vandewalle 2000) from the leading
    singular vectors of each unfolding. Every slice M becomes U U^T M V V^T with one U and one V for
    all. The side of the slices is kept whole, since they are few. Of one slice and equal ranks it
    is the truncated SVD.

    Args:
        T: slices x n x d, float64, finite.
        ranks: of the sides n and d, each from 1 to `most_ranks`.

    Returns:
        The approximation, in T's shape.
    """
    size = T.square().sum()
    if size == 0:
        return T.clone()
    V = _leading(T, 2, ranks[1])
    before = torch.inf
    for _ in range(SWEEPS):
        U = _leading(T @ V, 1, ranks[0])
        V = _leading(U.T @ T, 2, ranks[1])
        left = size - (U.T @ T @ V).square().sum()
        error = float((left.clamp(min=0) / size).sqrt())
        if abs(before - error) < SETTLED:
            break
        before = error
    return U @ (U.T @ T @ V) @ V.T


def _unfolded(T: torch.Tensor, side: int) -> torch.Tensor:
    """T as a matrix whose rows are one side."""
    return T.movedim(side, 0).flatten(1)


def _leading(T: torch.Tensor, side: int, count: int) -> torch.Tensor:
    """The first left singular vectors of an unfolding, as columns."""
    vectors: torch.Tensor = right_vectors(_unfolded(T, side).T)[1][:, :count]
    return vectors


def _start(T: torch.Tensor, terms: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(FILL)
    found = []
    for side in range(3):
        known = _leading(T, side, terms)
        shape = (T.shape[side], terms - known.shape[1])
        others = torch.randn(shape, generator=generator, dtype=T.dtype).to(T.device)
        found.append(torch.cat([known, others], dim=1))
    return found


def _with_factors(T: torch.Tensor, side: int, factors: list[torch.Tensor]) -> torch.Tensor:
    """The sum over both other sides of T times their factors: rows of this side x terms."""
    A, B, C = factors
    if side == 0:
        return torch.einsum("ijr,jr->ir", T @ C, B)
    if side == 1:
        return torch.einsum("ijr,ir->jr", T @ C, A)
    return torch.einsum("ikr,ir->kr", T.mT @ B, A)


def _unit_columns(factor: torch.Tensor) -> torch.Tensor:
    lengths = factor.norm(dim=0)
    return factor / torch.where(lengths > 0, lengths, 1)
