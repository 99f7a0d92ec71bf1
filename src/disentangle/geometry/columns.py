"""Outlier dimensions: columns of a matrix that are unlike the others."""

import torch

from disentangle.geometry import CENTERED
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
    kurtosis = column_kurtosis(matrix.M)
    return {
        "column_kurtosis": kurtosis,
        "outlier_ratio": outlier_ratio(matrix.M),
        f"column_kurtosis{CENTERED}": kurtosis,
        f"outlier_ratio{CENTERED}": NAN,
    }


def column_kurtosis(matrix: torch.Tensor) -> float:
    """The largest over columns of E (x - mean)^4 / (E (x - mean)^2)^2; 3 for normal entries.

    A dimension with a few huge entries has a high one (Elhage et al. 2023, "Privileged bases in the
    transformer residual stream"). Columns of equal entries have none; NaN if all are.
    """
    X = matrix.detach().double()
    rounding = ROUNDINGS * X.abs().amax(dim=0)
    X = X - X.mean(dim=0)
    largest = X.abs().amax(dim=0)
    known = largest > rounding
    if not known.any():
        return NAN
    X = X[:, known] / largest[known]  # no power under- or overflows
    return float(((X**4).mean(dim=0) / (X**2).mean(dim=0) ** 2).max())


def outlier_ratio(matrix: torch.Tensor) -> float:
    """max_j |mean_j| / median_j |mean_j| over columns (outlier dimensions: Kovaleva et al. 2021).

    NaN if half of the means or more are 0.
    """
    X = matrix.detach().double()
    means = X.mean(dim=0).abs()
    means = means.masked_fill(means <= ROUNDINGS * X.abs().amax(dim=0), 0.0)
    median = float(means.median())
    return float(means.max()) / median if median > 0 else NAN
