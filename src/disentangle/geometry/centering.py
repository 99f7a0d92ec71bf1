"""A matrix without its column means."""

import torch

__all__ = ["center"]

# Roundings of float64 that centering may leave in an entry, relative to its column's largest.
_ROUNDINGS = 8


def center(matrix: torch.Tensor) -> torch.Tensor:
    """M - 1 m^T in float64, m the column means of `matrix` (n x d).

    What centering leaves of two equal numbers is rounding noise, to which any scale-free metric
    would give a rank and a direction. Hence the first row is taken off before the mean is, so that
    equal rows centre to exactly 0, and an entry no larger than the rounding error of its column
    is set to 0.
    """
    M = matrix.detach()
    shifted = M.double() - M[0].double()
    centered = shifted - shifted.mean(dim=0)
    noise = _ROUNDINGS * torch.finfo(torch.float64).eps * M.abs().amax(dim=0).double()
    return centered.masked_fill_(centered.abs() <= noise, 0.0)
