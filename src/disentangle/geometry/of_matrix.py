"""Measure one matrix. Imports the heavy libraries."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.alignment import alignments
from disentangle.geometry.angles import mean_cosine_similarities
from disentangle.geometry.columns import column_outliers
from disentangle.geometry.isotropy import partition_isotropies
from disentangle.geometry.lidar import lidar_rank
from disentangle.geometry.matrix import Matrix, Record
from disentangle.geometry.metrics import read_off
from disentangle.geometry.spectra import spectra
from disentangle.geometry.two_nn import two_nn_dimension
from disentangle.geometry.user_metric import call
from disentangle.vocabulary.user_metric import UserMetric

__all__ = ["MEASURES", "measure", "measure_every", "measure_matrix", "measure_user_metric"]

MEASURES: dict[str, Callable[[Matrix], Record]] = {
    function.__name__: function
    for function in (
        spectra,
        mean_cosine_similarities,
        partition_isotropies,
        column_outliers,
        two_nn_dimension,
        alignments,
        lidar_rank,
    )
}
"""The functions that `measurements.MEASUREMENTS` names."""


def measure(matrix: Matrix, measurements: Iterable[str]) -> dict[str, Record]:
    """Make the named measurements of a matrix, in float64 and on its device."""
    return {measurement: MEASURES[measurement](matrix) for measurement in measurements}


def measure_user_metric(
    matrix: Matrix, metric: UserMetric, function: Callable[[Any], Any]
) -> Record:
    """A metric of the user's own, before and after centering as all others; see `user_metric.call`.

    Args:
        matrix: n x d.
        metric: the metric's description.
        function: from `user_metric.load`.
    """

    def of(M: torch.Tensor, decomposed: tuple[torch.Tensor, torch.Tensor]) -> float:
        value = M.double() if metric.takes == "matrix" else decomposed[0]
        return call(metric.spelled, function, value.cpu().numpy())

    measured: Record = {metric.name: of(matrix.M, matrix.decomposed)}
    if matrix.centered_too:
        measured[f"{metric.name}{CENTERED}"] = of(matrix.centered, matrix.decomposed_centered)
    return measured


def measure_matrix(matrix: torch.Tensor, name: str) -> dict[str, Any]:
    """Every metric of `matrix` (n x d): the columns of `metrics.read_off`.

    Raises MatrixError, with `name`, if it is not a nonempty matrix of finite floating-point
    numbers, or is zero.
    """
    return measure_every(Matrix(matrix, name))


def measure_every(matrix: Matrix) -> dict[str, Any]:
    """Every metric of a matrix that was checked: the columns of `metrics.read_off`."""
    measured: Record = {}
    for record in measure(matrix, MEASURES).values():
        measured |= record
    return read_off(measured)
