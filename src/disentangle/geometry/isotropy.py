"""How evenly the rows of a matrix fill the directions of their space."""

import torch

from disentangle.geometry.blocks import row_blocks
from disentangle.geometry.centering import center
from disentangle.geometry.spectrum import (
    Spectrum,
    participation_ratio,
    singular_values,
    triangular_factor,
)

__all__ = ["isoscore", "isoscore_of_spectrum", "partition_isotropy"]


def partition_isotropy(matrix: torch.Tensor, factor: torch.Tensor | None = None) -> float:
    """min_c Z(c) / max_c Z(c), Z(c) = sum_i exp(c . m_i), from 0 to 1 (isotropic).

    c runs over both signs of the d unit eigenvectors of M^T M, M = `matrix` (n x d), zero
    eigenvalues included (Arora et al. 2016; Mu & Viswanath 2018). `factor` is
    `triangular_factor(matrix)` where that is at hand already.

    Not scale-invariant: smaller entries push it towards 1. Where an eigenvalue is repeated its
    eigenvectors, and so the value, are not determined. NaN for a zero matrix.
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


def isoscore(matrix: torch.Tensor) -> float:
    """IsoScore of the rows of `matrix` (n points x d), from 0 to 1 (Rudman et al. 2022).

    See `isoscore_of_spectrum`. NaN for d = 1 and where all rows are equal.
    """
    return isoscore_of_spectrum(singular_values(center(matrix)), matrix.shape[1])


def isoscore_of_spectrum(sigma: Spectrum, d: int) -> float:
    """IsoScore of n points in d dimensions whose centered matrix has singular values `sigma`.

    Rudman et al. take v = the d eigenvalues of the covariance, v^ = sqrt(d) v / ||v||,
    delta = ||v^ - 1|| / sqrt(2 (d - sqrt d)), and

        ((d - delta^2 (d - sqrt d))^2 - d) / (d (d - 1)).

    Since ||v^||^2 = d, the inner bracket is sum(v^), and the score is (P - 1) / (d - 1) with
    P = (sum v)^2 / sum v^2 the participation ratio of the centered matrix: at one d, the two rank
    matrices alike. NaN for d = 1 and for sigma = 0.
    """
    return (participation_ratio(sigma) - 1) / (d - 1) if d > 1 else float("nan")
