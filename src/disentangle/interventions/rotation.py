"""Turn the right singular vectors of W a little, at random: a sham with the size of a push."""

import numpy as np
import torch

from disentangle.interventions.projected_spectrum import ProjectedSpectrum

__all__ = ["push_rotation"]


def push_rotation(
    W: torch.Tensor, spectrum: ProjectedSpectrum, size: float, rng: np.random.Generator
) -> None:
    """W <- W e^K, in place, with K random and skew: no singular value of W~ moves.

    K leaves the direction 1 where it is. It is scaled so that ||W~ K||_F / ||W~||_F is `size`. e^K
    is taken by its Cayley transform (I - K/2)^-1 (I + K/2), which is orthogonal to rounding.

    Args:
        W: all rows x d.
        spectrum: of W~.
        size: norm of the change over that of W~.
        rng: draws K on the CPU, so that all devices turn alike.
    """
    d = W.shape[1]
    drawn = torch.from_numpy(rng.standard_normal((d, d))).to(W.device)
    K = drawn - drawn.T
    K = K - K.mean(dim=0)
    K = K - K.mean(dim=1, keepdim=True)
    moved = float((spectrum.sigma[:, None] * (spectrum.vectors.T @ K)).norm())  # ||W~ K||_F
    if moved == 0:
        return  # one dimension, in which nothing turns
    K = K * (size * spectrum.norm / moved)
    identity = torch.eye(d, dtype=torch.float64, device=W.device)
    turned = torch.linalg.solve(identity - K / 2, identity + K / 2)
    W += W @ (turned - identity).to(W.dtype)
