"""How alike two representations of the same n inputs are: linear centred kernel alignment."""

import math

import torch

from disentangle.geometry.centering import center

__all__ = ["debiased_linear_cka", "linear_cka"]


def linear_cka(first: torch.Tensor, second: torch.Tensor) -> float:
    """Linear CKA of X (n x d1) and Y (n x d2), from 0 to 1 (Kornblith et al. 2019).

        ||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F),    X and Y without their column means,

    in float64. It is invariant to an orthogonal map, a scale and a shift of either X or Y, but not
    to other linear maps, and it is 1 where X and Y agree up to these. It is 0 only where every
    column of X is uncorrelated with every column of Y over these n rows, which independence does
    not ensure: for independent Gaussians CKA is about sqrt(d1 d2 / ((n + d1) (n + d2))), so any
    two representations seem alike unless n is well above d1 and d2. See `debiased_linear_cka`.

    NaN if all rows of X or of Y are equal, hence for n = 1, and if an entry is not finite.
    """
    X, Y = _scaled(first), _scaled(second)
    return _ratio(*(float((a.T @ b).square().sum()) for a, b in ((X, Y), (X, X), (Y, Y))))


def debiased_linear_cka(first: torch.Tensor, second: torch.Tensor) -> float:
    """Linear CKA of X (n x d1) and Y (n x d2) by unbiased estimates of HSIC (Song et al. 2012).

    About 0 for independent X and Y at any n, so below 0 as often as above; at most 1, and 1 where
    `linear_cka` is 1. Each of the three squared norms in `linear_cka`, ||Y^T X||_F^2 and the two
    like it, is replaced by n (n - 3) times the estimate of HSIC, which is

        ||Y^T X||_F^2 - n / (n - 2) sum_i k_i l_i + sum_i k_i sum_i l_i / ((n - 1) (n - 2)),

    where k_i and l_i are the squared norms of the centred rows. This is the estimator of Song et
    al., which leaves out the diagonals of the Gram matrices, simplified because the rows of
    centred Gram matrices sum to 0. The invariances are the same. NaN where `linear_cka` is NaN,
    and for n < 4, where the estimate does not exist.
    """
    X, Y = _scaled(first), _scaled(second)
    n = len(X)
    if n < 4:
        return math.nan

    def hsic(a: torch.Tensor, b: torch.Tensor) -> float:
        k, l = a.square().sum(dim=1), b.square().sum(dim=1)  # noqa: E741 (the paper's)
        whole, diagonal = (a.T @ b).square().sum(), k @ l
        return float(whole - n / (n - 2) * diagonal + k.sum() * l.sum() / ((n - 1) * (n - 2)))

    return _ratio(hsic(X, Y), hsic(X, X), hsic(Y, Y))


def _scaled(matrix: torch.Tensor) -> torch.Tensor:
    """The centred matrix divided by its largest entry, so that fourth powers stay in range.

    NaN for a zero matrix.
    """
    M = center(matrix)
    return M / M.abs().max()


def _ratio(between: float, within_first: float, within_second: float) -> float:
    """between / sqrt(within_first within_second); NaN unless both factors are positive."""
    if not (within_first > 0 and within_second > 0):
        return math.nan
    return between / (math.sqrt(within_first) * math.sqrt(within_second))
