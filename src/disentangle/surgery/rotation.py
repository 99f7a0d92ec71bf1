"""A rotation of the right singular vectors: the spectrum stays, and what it is of is lost."""

from collections.abc import Sequence

import numpy as np
import torch

__all__ = ["haar", "rotated"]


def rotated(M: torch.Tensor, *, seed: int | Sequence[int]) -> torch.Tensor:
    """M O in float64, O from `haar`: the right singular vectors V become O^T V.

    Args:
        M: n x d.
        seed: of O.
    """
    X = M.detach().double()
    return X @ haar(X.shape[1], seed=seed).to(X)


def haar(d: int, *, seed: int | Sequence[int]) -> torch.Tensor:
    """An orthogonal d x d matrix, uniformly distributed over all of them, in float64.

    Q of a Gaussian matrix's QR with the diagonal of R made positive; without that, Q is not uniform
    (Mezzadri 2007).
    """
    gaussian = torch.from_numpy(np.random.default_rng(seed).standard_normal((d, d)))
    Q, R = torch.linalg.qr(gaussian)
    return Q * torch.where(R.diagonal() < 0, -1.0, 1.0)
