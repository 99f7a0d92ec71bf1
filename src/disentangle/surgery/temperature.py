"""One temperature for a head: the factor of all its logits that loses least."""

import math

import torch
from scipy.optimize import brentq

__all__ = ["LEAST", "MOST", "best_scale"]

LEAST, MOST = 1e-3, 1e3
"""The factors looked among. Of a head that is no use the least would be best, of one that is never
wrong the largest."""

_TOKENS = 256
"""Tokens whose logits exist at a time."""


def best_scale(states: torch.Tensor, W: torch.Tensor, labels: torch.Tensor) -> float:
    """The tau for which tau W has the least cross-entropy (temperature 1 / tau: Guo et al. 2017).

    The loss is convex in tau: its slope is the mean of E_p[z] - z_label, z = W h and p the softmax
    of tau z, and its root is found in float64.

    Args:
        states: the head's inputs h, t x d.
        W: n x d, all rows, padding too, since the softmax is over all of them.
        labels: the next tokens, t.

    Returns:
        From `LEAST` to `MOST`.
    """

    def slope(log_tau: float) -> float:
        total, tau = 0.0, math.exp(log_tau)
        for h, label in zip(states.split(_TOKENS), labels.split(_TOKENS), strict=True):
            z = (h.to(W.dtype) @ W.T).double()
            expected = (torch.softmax(tau * z, dim=1) * z).sum(dim=1)
            total += float((expected - z.gather(1, label[:, None])[:, 0]).sum())
        return total / len(labels)

    low, high = math.log(LEAST), math.log(MOST)
    if slope(low) >= 0:
        return LEAST
    if slope(high) <= 0:
        return MOST
    return math.exp(brentq(slope, low, high, xtol=1e-12))
