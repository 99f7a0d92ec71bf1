"""W as the model's function has it: matrices that no change of weights can move which leaves every
prediction as it was.

Softmax ignores a number added to all logits, so W + 1 v^T is the same function as W, for any v. If
the last norm subtracts the mean, its output z is orthogonal to 1, so W + u 1^T is the same function
too, for any u. And any invertible A between norm and head can be taken into W: (W A^-1, A z). R(W)
moves under all three. Below, W is n x d, h = gain * z + shift is the head's input, G = diag(gain),
and p has the frequencies of tokens.

| matrix | its squared singular values are the eigenvalues of | it ignores |
|---|---|---|
| `projected` | W~^T W~, W~ = (I - 1 1^T / n) W G (I - 1 1^T / d) | v, u, the norm's gain |
| `fisher` | G W^T (diag p - p p^T) W G, rows projected as above | v, u, the norm's gain |
| `logit` | S^1/2 W^T (I - 1 1^T / n) W S^1/2, S the covariance of h | v, u, any A |

A norm that does not subtract the mean (RMSNorm) has no second projection. `fisher` is the Fisher
information of the logits' inputs for a model that predicts p everywhere: rows count by their
frequency. `logit` has the spectrum of the logits themselves, over the passages of H.
"""

import math

import torch

from disentangle.geometry.centering import center
from disentangle.geometry.decomposition import triangular_factor
from disentangle.geometry.final_norm import FinalNorm

__all__ = ["fisher", "logit", "projected"]


def projected(W: torch.Tensor, norm: FinalNorm) -> torch.Tensor:
    """W~ = (I - 1 1^T / n) W G (I - 1 1^T / d), n x d in float64.

    Args:
        W: n x d.
        norm: the model's last norm; the second projection is left out if it keeps the mean.
    """
    return center(_after_norm(W, norm))


def fisher(W: torch.Tensor, norm: FinalNorm, counts: torch.Tensor) -> torch.Tensor:
    """A root of the Fisher information: diag(p)^1/2 (X - 1 p^T X) in float64, X as in `projected`.

    Args:
        W: n x d.
        norm: the model's last norm.
        counts: how often each token occurs, n numbers; p is their share.

    Returns:
        A row for each token that occurs. Its Gram matrix is X^T (diag p - p p^T) X.

    Raises:
        ValueError: if no token occurs.
    """
    seen = counts > 0
    if not seen.any():
        raise ValueError("no token occurs")
    X = _after_norm(W[seen.to(W.device)], norm)
    X = X - X[0]  # equal rows give exactly 0
    p = counts[seen].double().to(W.device)
    p = p / p.sum()
    return p.sqrt()[:, None] * (X - p @ X)


def logit(W: torch.Tensor, H: torch.Tensor) -> torch.Tensor:
    """W and H joined: (I - 1 1^T / n) W S^1/2 in float64, S the covariance of H's rows.

    It has the singular values of the logits of the passages, without their means over the
    vocabulary and over the passages, divided by sqrt(m). The root of S is R^T / sqrt(m) with Q R
    the centred H: another root would rotate the columns, which changes no metric.

    Args:
        W: n x d.
        H: m x d, the head's inputs.

    Returns:
        n x min(m, d).
    """
    R = triangular_factor(center(H)).to(W.device)
    return center(W) @ R.T / math.sqrt(len(H))


def _after_norm(W: torch.Tensor, norm: FinalNorm) -> torch.Tensor:
    """W G, its rows without their means if the norm subtracts the mean."""
    X = W.detach().double() * norm.gain.to(W.device)
    return center(X.T).T if norm.subtracts_mean else X
