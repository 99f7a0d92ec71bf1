"""The dimension of the space that rows fill locally."""

import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["MOST", "two_nn", "two_nn_dimension"]

MOST = 5000
"""More rows than this have n^2 distances that take too long."""

FEWEST = 20

_ROWS = 512


def two_nn_dimension(matrix: Matrix) -> Record:
    """The intrinsic dimension of a matrix's rows; a shift of all rows does not change it.

    NaN for the matrices that the function fixes: their rows are those of W or H, moved.
    """
    if not matrix.centered_too:
        return {"two_nn": float("nan")}
    found = two_nn(matrix.M)
    return {"two_nn": found, f"two_nn{CENTERED}": found}


def two_nn(matrix: torch.Tensor) -> float:
    """n / sum_i ln(r2_i / r1_i), r1 and r2 the distances of row i to its two nearest rows.

    The maximum likelihood estimate of the intrinsic dimension if density is constant within r2
    (Facco et al. 2017, who fit a line to the same ratios in place of it). Rows that occur twice
    count once. It needs many points: it is too low where the dimension is not small against ln n.
    NaN for fewer than 20 or more than 5000 rows.
    """
    if len(matrix) > MOST:
        return float("nan")
    X = matrix.detach().double()
    X = torch.unique(X / X.abs().max(), dim=0)  # no square under- or overflows
    n = len(X)
    if n < FEWEST:
        return float("nan")
    logs = torch.zeros((), dtype=torch.float64, device=X.device)
    for start in range(0, n, _ROWS):
        # not by a product of the rows, whose rounding errors drown small distances
        distances = torch.cdist(
            X[start : start + _ROWS], X, compute_mode="donot_use_mm_for_euclid_dist"
        )
        nearest = distances.topk(3, largest=False).values  # the first is the row itself
        logs = logs + (nearest[:, 2] / nearest[:, 1]).log().sum()
    return float(n / logs) if logs > 0 else float("nan")
