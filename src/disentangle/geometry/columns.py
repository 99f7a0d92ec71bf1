"""Outlier dimensions: columns of a matrix that are unlike the others."""

import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.blocks import block_rows, row_blocks
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["column_kurtosis", "column_outliers", "outlier_ratio"]

ROUNDINGS = 8 * torch.finfo(torch.float64).eps
"""What rounding may leave of a mean of 0, as a share of a column's largest entry."""

NAN = float("nan")


def column_outliers(matrix: Matrix) -> Record:
    """Kurtosis and outlier ratio of a matrix whose columns are a model's dimensions.

    Centred columns have the same kurtosis, and no means to compare. The matrices that the function
    fixes have neither: their columns are centred, or their basis has no meaning.
    """
    if not matrix.centered_too:
        return {"column_kurtosis": NAN, "outlier_ratio": NAN}
    kurtosis = column_kurtosis(matrix.centered)
    return {
        "column_kurtosis": kurtosis,
        "outlier_ratio": outlier_ratio(matrix.M, matrix.mean),
        f"column_kurtosis{CENTERED}": kurtosis,
        f"outlier_ratio{CENTERED}": NAN,
    }


def column_kurtosis(centered: torch.Tensor) -> float:
    """The largest over columns of E (x - mean)^4 / (E (x - mean)^2)^2; 3 for normal entries.

    A dimension with a few huge entries has a high one (Elhage et al. 2023, "Privileged bases in the
    transformer residual stream"). Columns of equal entries have none; NaN if all are.

    Args:
        centered: n x d without its column means, as `center` gives it.
    """
    largest = _largest(centered)
    known = largest > 0
    if not known.any():
        return NAN
    scale = torch.where(known, largest, 1.0)  # no power under- or overflows
    second, fourth = torch.zeros_like(scale), torch.zeros_like(scale)
    for rows in row_blocks(centered):
        squares = (rows / scale).square_()
        second += squares.sum(dim=0)
        fourth += squares.square_().sum(dim=0)
    n = len(centered)
    return float(((fourth / n) / (second / n) ** 2)[known].max())


def outlier_ratio(matrix: torch.Tensor, mean: torch.Tensor) -> float:
    """max_j |mean_j| / median_j |mean_j| over columns (outlier dimensions: Kovaleva et al. 2021).

    NaN if half of the means or more are 0.

    Args:
        matrix: n x d.
        mean: of each column, float64.
    """
    means = mean.abs().masked_fill(mean.abs() <= ROUNDINGS * _largest(matrix), 0.0)
    median = float(means.median())
    return float(means.max()) / median if median > 0 else NAN


def _largest(matrix: torch.Tensor) -> torch.Tensor:
    """The largest absolute entry of each column, float64."""
    M = matrix.detach()
    largest = torch.zeros_like(M[0])
    for rows in M.split(block_rows(M.shape[1])):
        torch.maximum(largest, rows.abs().amax(dim=0), out=largest)
    return largest.double()
