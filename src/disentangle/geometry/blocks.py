"""Rows of a tall matrix in float64, a block at a time."""

from collections.abc import Iterator

import torch

__all__ = ["row_blocks"]

_ROWS = 4096


def row_blocks(matrix: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the rows of `matrix` (n x d) in order, as float64 blocks of at most 4096 rows.

    The conversion from float16, bfloat16, float32 and float64 is exact.
    """
    for rows in matrix.detach().split(_ROWS):
        yield rows.double()
