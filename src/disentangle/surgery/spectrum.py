"""Other singular values for a matrix that keeps its singular vectors."""

import torch

from disentangle.geometry.decomposition import decompose

__all__ = ["known", "rescaled", "right_vectors"]


def right_vectors(M: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Singular values, descending, and right singular vectors as columns: k numbers and d x k.

    In float64, by QR and not by a Gram matrix, which would lose small ones; k = min(n, d).
    """
    sigma, V = decompose(M.detach().double())
    return sigma, V[:, : len(sigma)]


def known(sigma: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Which singular values are more than rounding errors of float64: sigma_1 max(n, d) eps."""
    eps = torch.finfo(torch.float64).eps
    return sigma > sigma[0] * max(shape) * eps


def rescaled(M: torch.Tensor, V: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """M V diag(factors) V^T in float64: each singular value times its factor.

    It is applied to all rows, those that pad the vocabulary too, although V and the factors are
    those of the rows in use.

    Args:
        M: n x d.
        V: d x k, orthonormal columns.
        factors: k numbers.
    """
    return (M.detach().double() @ (V * factors)) @ V.T
