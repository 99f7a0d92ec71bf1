"""A matrix to measure, and the intermediate results that several measurements share."""

from functools import cached_property

import torch

from disentangle.errors import QuarantineError
from disentangle.geometry.blocks import row_blocks
from disentangle.geometry.centering import center
from disentangle.geometry.decomposition import (
    decompose,
    decompose_gram,
    shifted_factor,
    triangular_factor,
)
from disentangle.geometry.device import device_for

__all__ = ["Matrix", "MatrixError", "Record"]

Record = dict[str, int | float | str | list[float]]
"""Measured values by column."""


class MatrixError(QuarantineError, ValueError):
    """A matrix that cannot be measured; the message names it and says what is wrong and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message, message)


class Matrix:
    """M (n x d), checked, in its storage type, on the device that computes: see `device_for`."""

    def __init__(
        self,
        matrix: torch.Tensor,
        name: str,
        *,
        stored: torch.dtype | None = None,
        centered_too: bool = True,
        space: int | None = None,
        axes_of_w: torch.Tensor | None = None,
        embedding: torch.Tensor | None = None,
        spread: torch.Tensor | None = None,
        device: torch.device | None = None,
    ) -> None:
        """
        Args:
            matrix: n x d.
            name: what messages call it.
            stored: the type in which its numbers were kept, if it was computed from others.
            centered_too: whether it is also measured without its column means.
            space: dimensions of the space that its rows are known to lie in; all d by default.
            axes_of_w: of H, the right singular vectors of W as columns, to compare H with.
            embedding: of W, the embedding, to compare W with.
            spread: of H, the states at several tokens of a passage: passages x positions x d.
            device: where all of it is computed; found by default.

        Raises:
            MatrixError: if it is not a nonempty matrix of finite floating-point numbers, or is
                zero.
        """
        _check(matrix, name)
        device = device or device_for(matrix, beside=embedding is not None)
        self.M = matrix.detach().to(device)
        self.centered_too = centered_too
        self.space = space or matrix.shape[1]
        self.axes_of_w, self.embedding, self.spread = (
            None if other is None else other.detach().to(device)
            for other in (axes_of_w, embedding, spread)
        )
        self.stored = str(stored or matrix.dtype).removeprefix("torch.")
        """Name of the storage type, whose precision its entries have."""

    @cached_property
    def centered(self) -> torch.Tensor:
        """M without its column means, float64."""
        return center(self.M)

    @cached_property
    def mean(self) -> torch.Tensor:
        """Column means, float64."""
        total = torch.zeros(self.M.shape[1], dtype=torch.float64, device=self.M.device)
        for rows in row_blocks(self.M):
            total += rows.sum(dim=0)
        return total / len(self.M)

    @cached_property
    def factor(self) -> torch.Tensor:
        """R of M = Q R; see `triangular_factor`.

        Of a tall matrix that is also measured centered, it is found from the centered one's: a QR
        of all rows is the most expensive step, and one is enough.
        """
        n, d = self.M.shape
        if self.centered_too and n > d:
            return shifted_factor(self.factor_centered, self.mean, n)
        return triangular_factor(self.M)

    @cached_property
    def factor_centered(self) -> torch.Tensor:
        """The same for `centered`."""
        return triangular_factor(self.centered)

    @cached_property
    def decomposed(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Singular values and right singular vectors; see `decompose`.

        Those of a tall matrix come from its Gram matrix where that loses no digits. With the mean m
        it is C^T C + n m m^T, C the centred matrix, so one product serves both.
        """
        found = None
        if self._tall:
            n = len(self.M)
            gram = (
                self._gram_centered + n * torch.outer(self.mean, self.mean)
                if self.centered_too
                else _gram(self.M)
            )
            found = decompose_gram(gram)
        return found or decompose(self.factor)

    @cached_property
    def decomposed_centered(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for `centered`."""
        found = decompose_gram(self._gram_centered) if self._tall else None
        return found or decompose(self.factor_centered)

    @property
    def _tall(self) -> bool:
        return self.M.shape[0] > self.M.shape[1]

    @cached_property
    def _gram_centered(self) -> torch.Tensor:
        return _gram(self.centered)


def _gram(M: torch.Tensor) -> torch.Tensor:
    X = M.double()
    return X.T @ X


def _check(matrix: torch.Tensor, name: str) -> None:
    shape = " x ".join(map(str, matrix.shape))
    if matrix.ndim != 2:
        raise MatrixError(f"{name}: a matrix has 2 dimensions, this has {matrix.ndim} ({shape})")
    if matrix.numel() == 0:
        raise MatrixError(f"{name}: the matrix is empty ({shape})")
    if not matrix.is_floating_point():
        raise MatrixError(f"{name}: {matrix.dtype} is not a real floating-point type")
    # a sum is not finite if an entry is not; the other way round it may overflow
    if not torch.isfinite(matrix.sum()) and not (finite := torch.isfinite(matrix)).all():
        nans = int(torch.isnan(matrix).sum())
        infinite = int((~finite).sum()) - nans
        row, column = (~finite).nonzero()[0].tolist()
        raise MatrixError(
            f"{name}: {nans} NaN and {infinite} infinite among {shape} entries, "
            f"the first at row {row}, column {column}"
        )
    if not matrix.any():
        raise MatrixError(f"{name}: all {shape} entries are zero")
