"""A matrix without its column means."""

import torch

from disentangle.geometry.blocks import block_rows

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
    rows_at_once, first = block_rows(M.shape[1]), M[0].double()
    centered = torch.empty(M.shape, dtype=torch.float64, device=M.device)
    total = torch.zeros_like(first)
    largest = torch.zeros_like(M[0])
    for rows, shifted in zip(M.split(rows_at_once), centered.split(rows_at_once), strict=True):
        torch.sub(rows, first, out=shifted)
        total += shifted.sum(dim=0)
        torch.maximum(largest, rows.abs().amax(dim=0), out=largest)
    mean = total / len(M)
    noise = _ROUNDINGS * torch.finfo(torch.float64).eps * largest.double()
    for shifted in centered.split(rows_at_once):
        shifted -= mean
        shifted.masked_fill_(shifted.abs() <= noise, 0.0)
    return centered
