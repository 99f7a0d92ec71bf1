"""Truncation: only the largest singular values of a matrix are kept."""

import torch

from disentangle.surgery.spectrum import rescaled, right_vectors

__all__ = ["kept", "truncated"]


def truncated(M: torch.Tensor, rows: int, *, rank: float) -> torch.Tensor:
    """The nearest matrix of a rank, in float64 (Eckart & Young 1936): M V_k V_k^T.

    Args:
        M: all rows x d.
        rows: how many of them, from the first, are in use: nearest to these.
        rank: see `kept`.
    """
    sigma, V = right_vectors(M[:rows])
    V = V[:, : kept(rank, len(sigma))]
    return rescaled(M, V, torch.ones_like(V[0]))


def kept(rank: float, most: int) -> int:
    """How many singular values are kept of `most`: `rank`, or below 1 that share, at least one."""
    return max(1, min(most, round(rank if rank >= 1 else rank * most)))
