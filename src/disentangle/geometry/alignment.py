"""How a matrix lies to another one of the same model: H to W, and W to the embedding E."""

import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.cka import debiased_linear_cka
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["alignments", "row_cosine", "subspace_overlap"]

NAN = float("nan")

SHARE = 4
"""Directions compared are a quarter of d."""


def alignments(matrix: Matrix) -> Record:
    """Overlap of H with W, and cosine and CKA of W with E; NaN where there is nothing beside it."""
    measured: Record = {"subspace_overlap": NAN, "embedding_cosine": NAN, "embedding_cka": NAN}
    if matrix.axes_of_w is not None:
        principal = matrix.decomposed_centered[1]
        measured["subspace_overlap"] = subspace_overlap(matrix.axes_of_w, principal)
    if matrix.embedding is not None:
        measured["embedding_cosine"] = row_cosine(matrix.M, matrix.embedding)
        measured["embedding_cka"] = debiased_linear_cka(matrix.M, matrix.embedding)
    if matrix.centered_too:
        measured |= {f"{name}{CENTERED}": value for name, value in measured.items()}
    return measured


def subspace_overlap(first: torch.Tensor, second: torch.Tensor) -> float:
    """How much two spaces have in common beyond chance: 1 if they are equal, 0 on average if not.

        (||V_k^T P_k||_F^2 / k - k / d) / (1 - k / d),    k = d / 4 rounded, at least 1

    with V_k and P_k the first k columns; k / d is its mean for random spaces. NaN for d = 1.

    Args:
        first: orthonormal columns, d x d, the most important first: right singular vectors of W.
        second: the same: principal directions of H.
    """
    d = first.shape[0]
    k = max(1, round(d / SHARE))
    if d <= k:
        return NAN
    common = float((first[:, :k].T @ second[:, :k]).square().sum()) / k
    return (common - k / d) / (1 - k / d)


def row_cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    """Mean cosine of a row of one matrix and the same row of another; zero rows are left out."""
    X, Y = first.detach().double(), second.detach().double().to(first.device)
    both = X.any(dim=1) & Y.any(dim=1)
    if not both.any():
        return NAN
    # divided by the largest entry first, so that no square under- or overflows
    x, y = (M[both] / M[both].abs().amax(dim=1, keepdim=True) for M in (X, Y))
    lengths = torch.linalg.vector_norm(x, dim=1) * torch.linalg.vector_norm(y, dim=1)
    return float(((x * y).sum(dim=1) / lengths).mean())
