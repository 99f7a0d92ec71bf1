"""The spectrum of W~, as cheaply as every step of training needs it."""

import math
from dataclasses import dataclass

import torch

__all__ = ["ProjectedSpectrum", "effective_rank", "projected_spectrum"]

FLOOR = 2.0
"""Times the root of the precision: singular values below this share of the largest (7e-4 in
float32) are rounding of the Gram matrix, and neither counted nor pushed."""


@dataclass(frozen=True)
class ProjectedSpectrum:
    """Singular values of W~ (descending, k <= d - 1 of them) with their right singular vectors."""

    sigma: torch.Tensor
    """k numbers, float64."""
    vectors: torch.Tensor
    """d x k, float64, orthonormal columns orthogonal to 1."""
    rows: int

    @property
    def effective_rank(self) -> float:
        """R(W~)."""
        return effective_rank(self.sigma)

    @property
    def norm(self) -> float:
        """Frobenius norm of W~."""
        return float(self.sigma.square().sum().sqrt())

    @property
    def rms(self) -> float:
        """Root mean square of the entries of W~."""
        return self.norm / math.sqrt(self.rows * len(self.vectors))


def effective_rank(sigma: torch.Tensor) -> float:
    """exp(-sum p ln p), p = sigma / sum sigma (Roy & Vetterli 2007)."""
    p = sigma / sigma.sum()
    return float(torch.exp(-torch.special.xlogy(p, p).sum()))


def projected_spectrum(W: torch.Tensor, rows: int) -> ProjectedSpectrum:
    """The spectrum of W~ = (I - 11'/n) W (I - 11'/d) by its Gram matrix.

    The product has W's precision, everything after it float64. That is exact enough for a control
    loop and a log, and takes a tenth of the time of a singular value decomposition.

    Args:
        W: n or more rows x d.
        rows: n, the rows in use. Rows that pad the vocabulary are not measured.
    """
    X = W[:rows] - W[:rows].mean(dim=0)
    gram = (X.T @ X).double()
    gram = gram - gram.mean(dim=0)  # I - 11'/d from the left, and from the right
    gram = gram - gram.mean(dim=1, keepdim=True)
    eigenvalues, vectors = torch.linalg.eigh((gram + gram.T) / 2)
    # the direction 1 has eigenvalue 0 and is the first, but for rounding
    floor = FLOOR**2 * torch.finfo(W.dtype).eps * float(eigenvalues[-1])
    kept = eigenvalues > max(floor, 0.0)
    return ProjectedSpectrum(
        sigma=eigenvalues[kept].sqrt().flip(0), vectors=vectors[:, kept].flip(1), rows=rows
    )
