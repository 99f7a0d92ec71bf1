"""One temperature for a head: the factor of all its logits that loses least."""

import math

import torch

__all__ = ["LEAST", "MOST", "best_scale"]

LEAST, MOST = 1e-3, 1e3
"""The factors looked among. Of a head that is no use the least would be best; of one that is never
wrong, any that is large enough."""

_TOKENS = 64
"""Tokens whose logits exist at a time."""

_STEPS = 100
_SMALL = 1e-6
"""A relative step at which the search ends; the sums are of float32 numbers."""


def best_scale(states: torch.Tensor, W: torch.Tensor, labels: torch.Tensor) -> float:
    """The tau for which tau W has the least cross-entropy (temperature 1 / tau: Guo et al. 2017).

    The loss is convex in tau. With z = W h and p the softmax of tau z its slope is the mean of
    E_p[z] - z_label and its curvature that of Var_p[z]. The slope's root is found by Newton's
    steps, and by bisection where one leaves the bracket. Each step reads all logits, in float32.

    Args:
        states: the head's inputs h, t x d.
        W: n x d, all rows, padding too, since the softmax is over all of them.
        labels: the next tokens, t.

    Returns:
        From `LEAST` to `MOST`, to about six digits.
    """
    tau, low, high = 1.0, LEAST, MOST
    untried = {LEAST, MOST}
    for _ in range(_STEPS):
        slope, curvature = _derivatives(tau, states, W, labels)
        if slope == 0 or (tau == LEAST and slope > 0) or (tau == MOST and slope < 0):
            return tau
        low, high = (low, tau) if slope > 0 else (tau, high)
        downhill = LEAST if slope > 0 else MOST
        wanted = tau - slope / curvature if curvature > 0 else downhill
        wanted = min(max(wanted, LEAST), MOST)
        if wanted in untried:
            untried.remove(wanted)
        elif not low < wanted < high:
            wanted = math.sqrt(low * high)
        if abs(wanted - tau) <= _SMALL * tau:
            return wanted
        tau = wanted
    return tau


def _derivatives(
    tau: float, states: torch.Tensor, W: torch.Tensor, labels: torch.Tensor
) -> tuple[float, float]:
    """Slope and curvature of the mean cross-entropy of tau z."""
    slope = curvature = 0.0
    for h, label in zip(states.split(_TOKENS), labels.split(_TOKENS), strict=True):
        z = h.to(W.dtype) @ W.T
        p = torch.softmax(tau * z, dim=1)
        mean = (p * z).sum(dim=1, keepdim=True)
        right = z.gather(1, label[:, None])
        slope += float((mean - right).double().sum())
        curvature += float((p * (z - mean).square_()).sum(dim=1).double().sum())
    return slope / len(labels), curvature / len(labels)
