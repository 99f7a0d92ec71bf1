"""How evenly the rows of a matrix fill the directions of their space."""

import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.blocks import row_blocks
from disentangle.geometry.decomposition import triangular_factor
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["partition_isotropies", "partition_isotropy"]


def partition_isotropies(matrix: Matrix) -> Record:
    """The partition isotropy of a matrix, before and, if it is measured too, after centering."""
    measured: Record = {"partition_isotropy": partition_isotropy(matrix.M, matrix.factor)}
    if matrix.centered_too:
        measured[f"partition_isotropy{CENTERED}"] = partition_isotropy(
            matrix.centered, matrix.factor_centered
        )
    return measured


def partition_isotropy(matrix: torch.Tensor, factor: torch.Tensor | None = None) -> float:
    """min_c Z(c) / max_c Z(c), Z(c) = sum_i exp(c . m_i), from 0 to 1 (isotropic).

    c runs over both signs of the d unit eigenvectors of M^T M, with M = `matrix` (n x d), including
    those of zero eigenvalues (Arora et al. 2016; Mu & Viswanath 2018). Pass
    `triangular_factor(matrix)` as `factor` if it is already computed.

    Not scale-invariant: smaller entries push it towards 1. The eigenvectors of a repeated
    eigenvalue are not unique, and then neither is the result. NaN for a zero matrix.
    """
    R = triangular_factor(matrix) if factor is None else factor
    if not R.any():
        return float("nan")
    axes = torch.linalg.svd(R).Vh.T  # d x d even where M is wide
    log_Z = torch.full((2, len(axes)), -torch.inf, dtype=torch.float64, device=matrix.device)
    for rows in row_blocks(matrix):
        exponents = rows @ axes
        of_block = (torch.logsumexp(exponents, dim=0), torch.logsumexp(-exponents, dim=0))
        log_Z = torch.logaddexp(log_Z, torch.stack(of_block))
    return float(torch.exp(log_Z.min() - log_Z.max()))
