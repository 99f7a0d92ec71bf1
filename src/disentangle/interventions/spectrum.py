"""Move the effective rank of W by a power of its singular values, at constant norm."""

import torch

from disentangle.interventions.projected_spectrum import ProjectedSpectrum, effective_rank

__all__ = ["exponent_for", "push_spectrum"]

STEEPEST = 64.0
"""Largest exponent. Singular values that differ in the third digit are then a single one."""
_HALVINGS = 40


def exponent_for(sigma: torch.Tensor, rank: float) -> float:
    """The a >= 0 for which sigma^a has an effective rank, or comes closest to it.

    The effective rank of sigma^a falls from k at a = 0 as a grows: a is an inverse temperature.
    Ties of the largest singular value keep it from falling to 1; if all are alike it stays.

    Args:
        sigma: k positive singular values.
        rank: the effective rank wanted.
    """
    log = torch.log(sigma / sigma.max())

    def of(a: float) -> float:
        return effective_rank(torch.exp(a * log))

    low, high = 0.0, 1.0
    while of(high) > rank and high < STEEPEST:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if of(middle) > rank else (low, middle)
    return (low + high) / 2


def push_spectrum(W: torch.Tensor, spectrum: ProjectedSpectrum, rank: float) -> ProjectedSpectrum:
    """W <- W Q diag(sigma' / sigma) Q', in place: R(W~) becomes `rank`, or as near as can be.

    sigma' = c sigma^a, with a found by bisection and c such that the Frobenius norm of W~ stays.
    What is orthogonal to Q, the direction 1 and directions of rounding, stays as it is.

    Args:
        W: all rows x d.
        spectrum: of W~.
        rank: R(W~) after the push.

    Returns:
        The spectrum after the push.
    """
    sigma, Q = spectrum.sigma, spectrum.vectors
    shaped = torch.exp(exponent_for(sigma, rank) * torch.log(sigma / sigma[0]))
    shaped = shaped * (spectrum.norm / shaped.square().sum().sqrt())
    change = (Q * (shaped / sigma - 1)) @ Q.T
    W += W @ change.to(W.dtype)
    return ProjectedSpectrum(shaped, Q, spectrum.rows)
