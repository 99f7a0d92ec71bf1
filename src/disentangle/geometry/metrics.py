"""Every metric of one matrix."""

import torch

from disentangle.errors import RefusedError
from disentangle.geometry.angles import mean_cosine_similarity
from disentangle.geometry.centering import center
from disentangle.geometry.isotropy import isoscore_of_spectrum, partition_isotropy
from disentangle.geometry.spectrum import (
    effective_rank,
    frobenius_norm,
    numerical_rank,
    participation_ratio,
    singular_values,
    spectral_entropy_rank,
    spectral_norm,
    stable_rank,
    triangular_factor,
)

__all__ = ["CENTERED", "METRICS", "MatrixError", "measure_matrix"]

METRICS = (
    "effective_rank",
    "effective_rank_pct",
    "spectral_entropy_rank",
    "stable_rank",
    "participation_ratio",
    "numerical_rank",
    "mean_cosine_similarity",
    "partition_isotropy",
    "isoscore",
    "spectral_norm",
    "frobenius_norm",
)
"""The scalar metrics, each of which is also given of the centered matrix."""

CENTERED = "_centered"
"""Suffix of what was measured after the column means were subtracted."""

Record = dict[str, float | int | list[float]]


class MatrixError(RefusedError, ValueError):
    """A matrix that cannot be measured; the message names it, and says what is wrong and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message, message)


def measure_matrix(matrix: torch.Tensor, name: str) -> Record:
    """Everything that is measured of `matrix` (n x d), in float64 and on the CPU.

    The record holds rows (n), dim (d), zero_rows, the METRICS and singular_values; then zero_rows,
    the METRICS and singular_values of the centered matrix, with the suffix CENTERED. IsoScore is
    centered by definition, so that both are the same. A metric without a value is NaN: all but
    norms and numerical rank (0) of the centered matrix where all rows are equal, the mean
    cosine with fewer than two nonzero rows, IsoScore for d = 1.

    Raises MatrixError, with `name`, for what is not a nonempty matrix of finite floating-point
    numbers, and for zero.
    """
    _check(matrix, name)
    M = matrix.detach().cpu()
    n, d = M.shape
    M_centered = center(M)
    R, R_centered = triangular_factor(M), triangular_factor(M_centered)
    score = isoscore_of_spectrum(singular_values(R_centered), d)
    centered = _measure(M_centered, R_centered, M.dtype, score)
    return (
        {"rows": n, "dim": d}
        | _measure(M, R, M.dtype, score)
        | {metric + CENTERED: value for metric, value in centered.items()}
    )


def _measure(M: torch.Tensor, R: torch.Tensor, stored: torch.dtype, score: float) -> Record:
    """What is measured of M, centered or not, with its triangular factor and its IsoScore."""
    n, d = M.shape
    sigma = singular_values(R)
    return {
        "zero_rows": int((~M.any(dim=1)).sum()),
        "effective_rank": effective_rank(sigma),
        "effective_rank_pct": 100 * effective_rank(sigma) / d,
        "spectral_entropy_rank": spectral_entropy_rank(sigma),
        "stable_rank": stable_rank(sigma),
        "participation_ratio": participation_ratio(sigma),
        "numerical_rank": numerical_rank(sigma, (n, d), stored),
        "mean_cosine_similarity": mean_cosine_similarity(M),
        "partition_isotropy": partition_isotropy(M, factor=R),
        "isoscore": score,
        "spectral_norm": spectral_norm(sigma),
        "frobenius_norm": frobenius_norm(sigma),
        "singular_values": sigma.tolist(),
    }


def _check(matrix: torch.Tensor, name: str) -> None:
    shape = " x ".join(map(str, matrix.shape))
    if matrix.ndim != 2:
        raise MatrixError(f"{name}: a matrix has 2 dimensions, this has {matrix.ndim} ({shape})")
    if matrix.numel() == 0:
        raise MatrixError(f"{name}: the matrix is empty ({shape})")
    if not matrix.is_floating_point():
        raise MatrixError(f"{name}: {matrix.dtype} is not a real floating-point type")
    finite = torch.isfinite(matrix)
    if not finite.all():
        nans = int(torch.isnan(matrix).sum())
        infinite = int((~finite).sum()) - nans
        row, column = (~finite).nonzero()[0].tolist()
        raise MatrixError(
            f"{name}: {nans} NaN and {infinite} infinite among {shape} entries, "
            f"the first at row {row}, column {column}"
        )
    if not matrix.any():
        raise MatrixError(f"{name}: all {shape} entries are zero")
