"""How evenly the rows of a matrix fill the directions of their space."""

import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.blocks import row_blocks
from disentangle.geometry.decomposition import decompose
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["partition_isotropies", "partition_isotropy"]

_ROWS = 256
"""Rows at a time, so that their exponentials stay in the cache."""
_U = 2.0**-24
"""Unit roundoff of float32."""
_RANGE = 80.0
"""e to the power of +-80 is in the range of float32."""
_WORTH = 0.5
"""Share of directions up to which computing them anew in float64 takes less than all at once."""


def partition_isotropies(matrix: Matrix) -> Record:
    """The partition isotropy of a matrix, before and, if it is measured too, after centering."""
    d = matrix.M.shape[1]
    sides = [(matrix.M, matrix.decomposed[1])]
    if matrix.centered_too:
        sides.append((matrix.centered, matrix.decomposed_centered[1]))
    mean = matrix.mean
    # one product for both: the centred rows' exponents are these minus those of the mean
    rough = _rough(matrix.M, torch.cat([axes for _, axes in sides], dim=1))
    found: list[float] = []
    for i, (M, axes) in enumerate(sides):
        if rough is None or not M.any():
            found.append(_isotropy(M, axes))
            continue
        log_Z, error = rough[0][:, i * d : (i + 1) * d], rough[1]
        if i:
            of_mean = mean @ axes
            log_Z = log_Z - torch.stack([of_mean, -of_mean])
        found.append(_refined(M, axes, log_Z, error))
    return dict(zip(("partition_isotropy", f"partition_isotropy{CENTERED}"), found, strict=False))


def partition_isotropy(matrix: torch.Tensor) -> float:
    """min_c Z(c) / max_c Z(c), Z(c) = sum_i exp(c . m_i), from 0 to 1 (isotropic).

    c runs over both signs of the d unit eigenvectors of M^T M, with M = `matrix` (n x d), including
    those of zero eigenvalues (Arora et al. 2016; Mu & Viswanath 2018).

    Not scale-invariant: smaller entries push it towards 1. The eigenvectors of a repeated
    eigenvalue are not unique, and then neither is the result. NaN for a zero matrix.

    All Z are computed in float32 first, with a bound on their error; only those that can be the
    least or the greatest are computed in float64.
    """
    axes = decompose(matrix)[1]
    rough = _rough(matrix, axes)
    if rough is None:
        return _isotropy(matrix, axes)
    return _refined(matrix, axes, *rough)


def _isotropy(matrix: torch.Tensor, axes: torch.Tensor) -> float:
    """The isotropy over some directions, in float64; NaN for a zero matrix."""
    if not matrix.any():
        return float("nan")
    log_Z = _log_partitions(matrix, axes)
    return float(torch.exp(log_Z.min() - log_Z.max()))


def _log_partitions(matrix: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
    """ln Z(c) and ln Z(-c) for the columns c of `axes` (d x k): 2 x k, in float64."""
    log_Z = torch.full((2, axes.shape[1]), -torch.inf, dtype=torch.float64, device=matrix.device)
    for rows in row_blocks(matrix):
        exponents = rows @ axes
        of_block = (torch.logsumexp(exponents, dim=0), torch.logsumexp(-exponents, dim=0))
        log_Z = torch.logaddexp(log_Z, torch.stack(of_block))
    return log_Z


def _rough(matrix: torch.Tensor, axes: torch.Tensor) -> tuple[torch.Tensor, float] | None:
    """The same from products in float32, and a bound on its error; None without such a bound.

    An inner product of d terms has an error of at most (d + 4) u ||m|| ||c||, the rounding of m and
    c included (Higham 2002, section 3.1). The sum of a block's positive terms adds less than its
    number of rows times u; exponential, reciprocal and sums of blocks, in float64, less than 8 u.
    """
    if torch.get_float32_matmul_precision() != "highest":
        return None  # a GPU's tensor cores round to TF32, some CPUs to bfloat16
    longest = 0.0
    for rows in matrix.detach().split(_ROWS):
        longest = max(longest, float(torch.linalg.vector_norm(rows.float(), dim=1).max()))
    longest *= 1 + (matrix.shape[1] + 4) * _U  # the rounding of that length
    if not 0 < longest < _RANGE:
        return None
    d, k = axes.shape
    single = axes.float()
    Z = torch.zeros(2, k, dtype=torch.float64, device=matrix.device)
    for rows in matrix.detach().split(_ROWS):
        exponentials = (rows.float() @ single).exp_()
        Z[0] += exponentials.sum(dim=0)
        Z[1] += exponentials.reciprocal_().sum(dim=0)
    return Z.log(), _U * ((d + 4) * longest + _ROWS + 8)


def _refined(matrix: torch.Tensor, axes: torch.Tensor, log_Z: torch.Tensor, error: float) -> float:
    """The isotropy in float64, of the directions that a rough ln Z leaves for least or greatest."""
    possible = (log_Z <= log_Z.min() + 2 * error) | (log_Z >= log_Z.max() - 2 * error)
    columns = possible.any(dim=0)
    if columns.double().mean() > _WORTH:
        return _isotropy(matrix, axes)
    return _isotropy(matrix, axes[:, columns])
