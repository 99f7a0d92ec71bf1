"""Dimensions in which passages differ more than the tokens of one passage do."""

import torch
from scipy.linalg import eigh

from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["lidar", "lidar_rank"]

NAN = float("nan")

RIDGE = 1e-4
"""Added to the covariance within passages, as a share of its mean eigenvalue. The source adds 1e-4
itself, which is the same for representations of unit variance, and ours does not follow a scale."""


def lidar_rank(matrix: Matrix) -> Record:
    """LiDAR of H; NaN where a matrix has no passages."""
    found = NAN if matrix.spread is None else lidar(matrix.spread)
    measured: Record = {"lidar": found}
    if matrix.centered_too:  # means are subtracted by definition
        measured[f"lidar{CENTERED}"] = found
    return measured


def lidar(states: torch.Tensor) -> float:
    """Effective number of directions in which passages differ (Thilak et al. 2024).

        exp of the entropy of p = lambda / sum(lambda),
        lambda the eigenvalues of S_w^-1/2 S_b S_w^-1/2

    with S_b the covariance of the passages' means, and S_w the mean covariance of the states within
    a passage plus a small ridge. In the source, several views of an image stand for a passage.

    Args:
        states: passages x positions x d.

    Returns:
        1 to d; NaN for fewer than two passages or positions, or if none differ.
    """
    X = states.detach().double()
    n, q, d = X.shape
    if n < 2 or q < 2:
        return NAN
    means = X.mean(dim=1)
    within = (X - means[:, None]).flatten(0, 1)
    S_w = within.T @ within / (n * (q - 1))
    between = means - means.mean(dim=0)
    S_b = between.T @ between / (n - 1)
    if not (S_w.any() and S_b.any()):
        return NAN
    S_w += RIDGE * S_w.trace() / d * torch.eye(d, dtype=torch.float64, device=X.device)
    # the same eigenvalues as those of S_w^-1/2 S_b S_w^-1/2
    values = eigh(S_b.cpu().numpy(), S_w.cpu().numpy(), eigvals_only=True)
    found = torch.from_numpy(values).clamp(min=0)
    p = found / found.sum()
    return float(torch.exp(torch.special.entr(p).sum()))
