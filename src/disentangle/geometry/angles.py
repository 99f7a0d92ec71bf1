"""Angles between the rows of a matrix."""

import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.blocks import row_blocks
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["mean_cosine_similarities", "mean_cosine_similarity"]

_SAFE = 1e100
"""Rows whose length is neither above this nor below its inverse have squares in range."""


def mean_cosine_similarities(matrix: Matrix) -> Record:
    """The mean cosine of a matrix's rows, before and, if it is measured too, after centering."""
    measured: Record = {"mean_cosine_similarity": mean_cosine_similarity(matrix.M)}
    if matrix.centered_too:
        measured[f"mean_cosine_similarity{CENTERED}"] = mean_cosine_similarity(matrix.centered)
    return measured


def mean_cosine_similarity(matrix: torch.Tensor) -> float:
    """Mean cosine between two different rows of `matrix` (n x d), from -1/(n - 1) to 1.

    Over all pairs i != j, in O(n d) and without the n x n matrix (Ethayarajh 2019 samples pairs):

        (||sum_i u_i||^2 - n) / (n (n - 1)),    u_i = m_i / ||m_i||.

    A zero row has no direction: it is left out and not counted in n. NaN if fewer than two rows
    remain.
    """
    total = torch.zeros(matrix.shape[1], dtype=torch.float64, device=matrix.device)
    n = 0
    for block in row_blocks(matrix):
        rows, lengths = block, torch.linalg.vector_norm(block, dim=1)
        if not ((lengths > 1 / _SAFE) & (lengths < _SAFE)).all():
            rows = block[block.any(dim=1)]
            # divide by the row's largest entry first, so that no square under- or overflows
            rows = rows / rows.abs().amax(dim=1, keepdim=True)
            lengths = torch.linalg.vector_norm(rows, dim=1)
        total += (1 / lengths) @ rows
        n += len(rows)
    if n < 2:
        return float("nan")
    return (float(total @ total) - n) / (n * (n - 1))
