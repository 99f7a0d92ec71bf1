"""A power of the singular values: exponents below 1 flatten a spectrum, above 1 they sharpen it."""

import torch

from disentangle.surgery.spectrum import known, rescaled, right_vectors

__all__ = ["raised"]


def raised(M: torch.Tensor, rows: int, *, exponent: float) -> torch.Tensor:
    """M with the singular values c sigma^exponent, c such that its Frobenius norm stays; float64.

    Singular values that are no more than rounding errors become 0: a flattened spectrum would make
    something of them.

    Args:
        M: all rows x d.
        rows: how many of them, from the first, are in use; spectrum and norm are those of these.
        exponent: above 0.
    """
    sigma, V = right_vectors(M[:rows])
    there = known(sigma, M[:rows].shape)
    sigma, V = sigma[there], V[:, there]
    relative = sigma / sigma[0]  # powers stay in range
    powers = relative**exponent
    norm = torch.linalg.vector_norm(relative) / torch.linalg.vector_norm(powers)
    return rescaled(M, V, norm * powers / relative)
