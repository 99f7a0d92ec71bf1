"""From a matrix to its singular values."""

import math

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["decompose", "decompose_gram", "shifted_factor", "singular_values", "triangular_factor"]

CONDITION = 1000.0
"""Up to this condition number a spectrum is taken from the Gram matrix."""

REPRESENTABLE = 1e200
"""Squares of singular values beyond this, or below its inverse, may over- or underflow."""


def triangular_factor(matrix: torch.Tensor) -> torch.Tensor:
    """R (d x d, float64) of M = Q R; M itself in float64 if it is not taller than wide.

    R^T R = M^T M, so R has the singular values and the right singular vectors of M. QR is backward
    stable, whereas the Gram matrix squares the condition number and so loses every singular value
    below 1e-8 sigma_1. For a tall M, QR and then the SVD of R with its vectors take a third of the
    time of an SVD of M (benchmarks/spectrum.py).
    """
    M = matrix.detach().double()
    return torch.linalg.qr(M, mode="r").R if M.shape[0] > M.shape[1] else M


def singular_values(matrix: torch.Tensor) -> npt.NDArray[np.float64]:
    """Singular values of `matrix` (n x d): float64, descending, min(n, d) of them.

    Computed in float64 for every storage type; the error is a few float64 eps times sigma_1.
    Entries may be of any magnitude, since LAPACK scales matrices that would under- or overflow.
    """
    return torch.linalg.svdvals(triangular_factor(matrix)).cpu().numpy()


def shifted_factor(R: torch.Tensor, mean: torch.Tensor, n: int) -> torch.Tensor:
    """The factor of C + 1 mean^T, given R of C (n x d), whose columns have mean 0.

    (C + 1 m^T)^T (C + 1 m^T) = R^T R + n m m^T, so it is the factor of R with one row more,
    sqrt(n) m. This adds, and so loses no digits; subtracting a mean from a factor would.
    """
    return torch.linalg.qr(torch.cat([R, math.sqrt(n) * mean[None]]), mode="r").R


def decompose_gram(gram: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
    """What `decompose` gives of M, from M^T M (d x d, float64); None if that would lose digits.

    A product is several times as fast as QR. Its eigenvalues sigma^2 have an error of a few eps
    times sigma_1^2, so a singular value has a relative error of a few eps (sigma_1 / sigma)^2:
    1e-9 at most at a condition number of `CONDITION`, and 1e-15 where all are alike; none is off by
    more than 1e-12 sigma_1. Above that, and for squares out of range, it is refused.
    """
    if not torch.isfinite(gram).all():
        return None
    eigenvalues, vectors = torch.linalg.eigh(gram)
    least, most = float(eigenvalues[0]), float(eigenvalues[-1])
    if not 1 / REPRESENTABLE < most < REPRESENTABLE or least * CONDITION**2 < most:
        return None
    return eigenvalues.flip(0).sqrt(), vectors.flip(1)


def decompose(factor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Singular values (descending) and all d right singular vectors, as columns, of a matrix.

    Args:
        factor: the matrix, or its `triangular_factor`, which has the same.

    Returns:
        min(n, d) numbers and d x d, float64.
    """
    svd = torch.linalg.svd(triangular_factor(factor))  # d x d even where the matrix is wide
    return svd.S, svd.Vh.T
