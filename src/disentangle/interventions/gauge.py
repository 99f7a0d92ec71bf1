"""Add a vector to all rows of W: no prediction changes, and the effective rank of W does."""

import torch

from disentangle.interventions.projected_spectrum import effective_rank

__all__ = ["push_gauge", "unprojected_rank"]

_HALVINGS = 20
_DOUBLINGS = 40


def unprojected_rank(W: torch.Tensor, rows: int) -> float:
    """R(W) as published work measures it, of the rows in use."""
    gram = (W[:rows].T @ W[:rows]).double()
    return effective_rank(torch.linalg.eigvalsh(gram).clamp_min(0).sqrt())


def push_gauge(W: torch.Tensor, rows: int, v: torch.Tensor, rank: float) -> None:
    """W <- W + t 1 v', in place: R(W), without projection, becomes `rank`.

    Softmax ignores a number that is added to all logits. So padding rows get the vector too:
    without it their logits would stay behind. R(W) falls as the mean row grows along v. Above the
    rank that W has without any of v there is no t, and the nearest is taken.

    Args:
        W: all rows x d.
        rows: the rows in use, whose R is set.
        v: d numbers of norm 1.
        rank: R(W) after the push.
    """
    mean = W[:rows].mean(dim=0)
    X = W[:rows] - mean
    gram, mean, v = (X.T @ X).double(), mean.double(), v.double()
    along = float(mean @ v)

    def of(height: float) -> float:
        """R if the mean row had this part along v."""
        shifted = mean + (height - along) * v
        found = torch.linalg.eigvalsh(gram + rows * torch.outer(shifted, shifted))
        return effective_rank(found.clamp_min(0).sqrt())

    sign = 1.0 if along >= 0 else -1.0
    low, high = 0.0, max(abs(along), float(gram.trace() / rows) ** 0.5 / len(v))
    for _ in range(_DOUBLINGS):
        if of(sign * high) <= rank:
            break
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if of(sign * middle) > rank else (low, middle)
    W += ((sign * (low + high) / 2 - along) * v).to(W.dtype)
