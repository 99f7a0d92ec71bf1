"""Rows of a tall matrix in float64, a block at a time."""

from collections.abc import Iterator

import torch

__all__ = ["block_rows", "row_blocks"]

_ENTRIES = 2**17
"""Entries of a block: a megabyte in float64, so that it stays in a core's cache between passes."""


def block_rows(d: int) -> int:
    """Rows of a block of a matrix with d columns."""
    return max(64, _ENTRIES // d)


def row_blocks(matrix: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the rows of `matrix` (n x d) in order, as float64 blocks of `block_rows` rows.

    The conversion from float16, bfloat16, float32 and float64 is exact.
    """
    for rows in matrix.detach().split(block_rows(matrix.shape[1])):
        yield rows.double()
