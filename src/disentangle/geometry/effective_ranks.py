"""Ranks and norms computed from the singular values of a matrix.

Throughout, sigma is the vector of singular values of M (n x d), descending, as
`decomposition.singular_values` gives it, and p is a distribution over them. All results are
unitless except singular values and norms, which have the unit of M's entries. A zero matrix has no
such distribution: everything computed from p is NaN, and the numerical rank and the norms are 0.

With p = sigma^2 / sum(sigma^2), the stable rank, the participation ratio and the spectral entropy
rank are the Hill numbers (Hill 1973) of p of order infinity, 2 and 1, hence

    stable rank <= participation ratio <= spectral entropy rank <= effective rank <= min(n, d).
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import entr

__all__ = [
    "condition_number",
    "effective_rank",
    "frobenius_norm",
    "nuclear_norm",
    "numerical_rank",
    "participation_ratio",
    "spectral_entropy_rank",
    "spectral_gap",
    "spectral_norm",
    "stable_rank",
]

Spectrum = npt.NDArray[np.float64]
"""Singular values, descending."""


def effective_rank(sigma: Spectrum) -> float:
    """exp(-sum p ln p) with p = sigma / sum(sigma) (Roy & Vetterli 2007), from 1 to len(sigma).

    ln d minus its logarithm is the "singular entropy" of Godey et al. 2024. For a matrix of
    representations it is RankMe (Garrido et al. 2023).
    """
    return _exp_entropy(_relative(sigma))


def spectral_entropy_rank(sigma: Spectrum) -> float:
    """exp(-sum p ln p) with p = sigma^2 / sum(sigma^2), from 1 to len(sigma).

    The exponential of the von Neumann entropy of M^T M / tr(M^T M), the "matrix entropy" of some
    tools. Never above `effective_rank`; do not confuse the two.
    """
    return _exp_entropy(_relative(sigma) ** 2)


def stable_rank(sigma: Spectrum) -> float:
    """||M||_F^2 / sigma_1^2 (Rudelson & Vershynin 2007), from 1 to len(sigma)."""
    return float((_relative(sigma) ** 2).sum())


def participation_ratio(sigma: Spectrum) -> float:
    """(sum sigma^2)^2 / sum sigma^4 (Gao et al. 2017), from 1 to len(sigma)."""
    squares = _relative(sigma) ** 2
    return float(squares.sum() ** 2 / (squares**2).sum())


def numerical_rank(sigma: Spectrum, shape: tuple[int, int], stored: str) -> int:
    """How many sigma exceed sigma_1 max(n, d) eps, with the eps of M's storage type `stored`.

    For float32 and float64 this is numpy.linalg.matrix_rank of the stored matrix. float16 and
    bfloat16 use the eps of float32: linear algebra promotes them to float32, and numpy has no
    routine for them. With their own eps (2^-10, 2^-7) and as many rows as a vocabulary, the
    tolerance would exceed sigma_1 and every rank would be 0. The stored values are taken as exact,
    so if a half-precision matrix was rounded from one of lower rank, the rounding can add rank.
    """
    eps = np.finfo(np.float64 if stored == "float64" else np.float32).eps
    return int(np.count_nonzero(sigma > sigma[0] * max(shape) * float(eps)))


def spectral_norm(sigma: Spectrum) -> float:
    """sigma_1: the largest factor by which M stretches a vector."""
    return float(sigma[0])


def frobenius_norm(sigma: Spectrum) -> float:
    """sqrt(sum sigma^2), the root of the summed squares of M's entries."""
    return math.hypot(*sigma.tolist())  # squares neither overflow nor underflow


def nuclear_norm(sigma: Spectrum) -> float:
    """sum sigma."""
    return math.fsum(sigma)


def condition_number(sigma: Spectrum, rank: int) -> float:
    """sigma_1 / sigma_r with r the `numerical_rank`, from 1; NaN for rank 0.

    The singular values after it are rounding errors, and so would be any ratio with them.
    """
    return float(sigma[0] / sigma[rank - 1]) if rank else math.nan


def spectral_gap(sigma: Spectrum) -> float:
    """sigma_1 / sigma_2, from 1; NaN if there is no second one, or it is 0."""
    return float(sigma[0] / sigma[1]) if len(sigma) > 1 and sigma[1] > 0 else math.nan


def _relative(sigma: Spectrum) -> Spectrum:
    """sigma / sigma_1, whose powers stay in range for any norm; NaN for a zero matrix."""
    return sigma / sigma[0] if sigma[0] > 0 else np.full_like(sigma, np.nan)


def _exp_entropy(weights: Spectrum) -> float:
    return math.exp(entr(weights / weights.sum()).sum())
