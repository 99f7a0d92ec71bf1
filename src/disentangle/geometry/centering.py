"""A matrix without its column means."""

import torch

__all__ = ["center"]

# Rounding error that centering may leave in an entry, in float64 eps of its column's largest entry.
_ROUNDINGS = 8


def center(matrix: torch.Tensor) -> torch.Tensor:
    """M - 1 m^T in float64, m the column means of `matrix` (n x d).

    Centering equal numbers may leave rounding noise, and any scale-free metric would give that
    noise a rank and a direction. Hence the first row is subtracted before the mean, so that equal
    rows centre to exactly 0, and any entry no larger than the rounding error of its column is set
    to 0.
    """
    M = matrix.detach()
    shifted = M.double() - M[0].double()
    centered = shifted - shifted.mean(dim=0)
    noise = _ROUNDINGS * torch.finfo(torch.float64).eps * M.abs().amax(dim=0).double()
    return centered.masked_fill_(centered.abs() <= noise, 0.0)
