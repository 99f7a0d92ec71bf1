"""Grids of few levels, and rounding to the nearest of them.

Throughout, a weight matrix W is (outputs x inputs), as in `torch.nn.Linear`. A group is
`group_size` consecutive columns of one row and has its own grid. The last group of a row is shorter
if `group_size` does not divide the inputs, and the whole row is one group if `group_size` is None.
"""

from dataclasses import dataclass

import torch

from disentangle.errors import StudyError

__all__ = ["BITS", "Grid", "check_settings", "column_groups", "fit_grid", "round_to_nearest"]

BITS = range(2, 9)
"""Bits per weight: fewer than 2 destroy a model, more than 8 have no measurable effect."""


@dataclass(frozen=True)
class Grid:
    """The levels scale (k - zero), k = 0 .. 2^bits - 1, of each row."""

    scale: torch.Tensor
    """Shape (rows, 1), float64, positive; each a float32 number, as a deployed model stores it."""
    zero: torch.Tensor
    """Shape (rows, 1), float64: the integer k of the level 0, which is always on the grid."""
    bits: int

    def nearest(self, weights: torch.Tensor) -> torch.Tensor:
        """The level nearest to each of `weights` (rows x columns, float64).

        Ties are rounded to even k; weights beyond the grid get its end.
        """
        k = torch.round(weights / self.scale) + self.zero
        return self.scale * (k.clamp(0, 2**self.bits - 1) - self.zero)


def fit_grid(weights: torch.Tensor, bits: int) -> Grid:
    """The asymmetric min/max grid of each row of `weights` (rows x columns, float64).

    Its levels range from min(row, 0) to max(row, 0), except that `zero` is rounded to an integer,
    which cuts off up to half a step at one end.
    """
    low = weights.amin(dim=1, keepdim=True).clamp(max=0)
    high = weights.amax(dim=1, keepdim=True).clamp(min=0)
    scale = ((high - low) / (2**bits - 1)).float().double()
    # a row of zeros, or of values that vanish in float32, is rounded to zeros
    scale = torch.where(scale > 0, scale, 1.0)
    return Grid(scale, torch.round(-low / scale), bits)


def column_groups(columns: int, group_size: int | None) -> list[range]:
    """The columns of each group, from left to right."""
    size = group_size or columns
    return [range(start, min(start + size, columns)) for start in range(0, columns, size)]


def round_to_nearest(weight: torch.Tensor, *, bits: int, group_size: int | None) -> torch.Tensor:
    """Round each weight independently to its group's grid: the baseline for GPTQ.

    Returns:
        The dequantised weights: shape and device of `weight`, float32.
    """
    W = weight.detach().double()
    parts = [W[:, g.start : g.stop] for g in column_groups(W.shape[1], group_size)]
    return torch.cat([fit_grid(part, bits).nearest(part) for part in parts], dim=1).float()


def check_settings(bits: int, group_size: int | None) -> None:
    """Refuse impossible quantization settings.

    Raises:
        StudyError: naming the setting that is wrong.
    """
    if bits not in BITS:
        raise StudyError(f"cannot quantize to {bits} bits; give {BITS[0]} to {BITS[-1]}")
    if group_size is not None and group_size < 1:
        raise StudyError(
            f"cannot quantize in groups of {group_size} columns; give 1 or more, or none for "
            "one group per row"
        )
