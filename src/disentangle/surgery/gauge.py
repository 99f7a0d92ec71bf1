"""A gauge shift: W -> W + 1 v^T, which softmax ignores and the rank of W does not."""

import math

import numpy as np
import torch
from scipy.optimize import brentq

from disentangle.geometry.decomposition import singular_values
from disentangle.geometry.effective_ranks import effective_rank

__all__ = ["UnreachableError", "gauge_shift", "shifted"]


class UnreachableError(ValueError):
    """No shift gives W the wanted rank; the message has the ranks that there are."""


def shifted(W: torch.Tensor, rows: int, *, target: float, seed: int) -> torch.Tensor:
    """W + 1 v^T in float64, with v from `gauge_shift` for the rows in use.

    v is added to all rows alike: a vector that is not added to rows that pad the vocabulary moves
    their logits against the others', and is no gauge.

    Args:
        W: all rows x d.
        rows: how many of them, from the first, are in use; R is that of these.
        target: R over d of them.
        seed: of v.
    """
    X = W.detach().double()
    return X + gauge_shift(X[:rows], target=target, seed=seed)


def gauge_shift(W: torch.Tensor, *, target: float, seed: int) -> torch.Tensor:
    """The v (d numbers) with which W + 1 v^T has the effective rank `target` d.

    Below the rank of W, v is a multiple of a random vector: a large enough multiple has any rank
    down to 1, since the sum then is 1 v^T but for little. Above it, v takes away a share of the
    mean row: all of it gives the rank of the centred W, and nothing above that is reached.

    Args:
        W: n x d, the rows in use.
        target: effective rank over d, from 1 / d to that of the centred W.
        seed: of the random vector.

    Raises:
        UnreachableError: if the target is outside of this range.
    """
    n, d = W.shape
    X = W.detach().double()
    A, ones = _compressed(X)

    def log_rank(v: torch.Tensor) -> float:
        return math.log(effective_rank(singular_values(A + torch.outer(ones, v))))

    wanted = math.log(target * d) if target > 0 else -math.inf
    now = log_rank(torch.zeros_like(X[0]))
    if wanted >= now:
        direction, most = -X.mean(dim=0), 1.0
        best = log_rank(direction)
        if wanted > best:
            raise UnreachableError(
                f"W has an effective rank of {100 * math.exp(now) / d:.2f} % of d and "
                f"{100 * math.exp(best) / d:.2f} % without its mean row; no shift gives it "
                f"{100 * target:.2f} %"
            )
    else:
        if wanted <= 0:
            raise UnreachableError(f"a rank of {100 * target:.2f} % of {d} is not above 1")
        random = torch.from_numpy(np.random.default_rng(seed).standard_normal(d)).to(X)
        direction = random * torch.linalg.matrix_norm(X) / torch.linalg.vector_norm(random)
        direction, most = direction / math.sqrt(n), 1.0  # as large as W itself
        while log_rank(most * direction) > wanted:
            most *= 2
    share = brentq(lambda t: log_rank(t * direction) - wanted, 0, most, xtol=1e-13, rtol=1e-13)
    return share * direction


def _compressed(W: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A and b, at most d + 1 rows, with the Gram matrices of W + 1 v^T and A + b v^T equal for all
    v: the factor of [W, 1]."""
    n, d = W.shape
    ones = W.new_ones(n)
    if n <= d + 1:
        return W, ones
    factor = torch.linalg.qr(torch.cat([W, ones[:, None]], dim=1), mode="r").R
    return factor[:, :d], factor[:, d]
