"""Exponents of a spectrum: of the distribution of its tail, and of its decay."""

import math

import numpy as np

from disentangle.geometry.effective_ranks import Spectrum

__all__ = ["FEWEST", "alpha", "alpha_hat", "alpha_req"]

FEWEST = 50
"""Fewer eigenvalues than this have no tail to speak of; weightwatcher, too, asks for as many."""


FIRST = 11
"""The first eigenvalues follow no power law."""


def alpha(sigma: Spectrum) -> float:
    """Exponent of a power law p(lambda) ~ lambda^-alpha in the tail of lambda = sigma^2.

    Maximum likelihood (Clauset, Shalizi & Newman 2009) over the n eigenvalues from lambda_min on,

        alpha = 1 + n / sum ln(lambda_i / lambda_min),

    with the lambda_min for which the Kolmogorov-Smirnov distance between the tail and its power law
    is least, as in "heavy-tailed self-regularisation" (Martin & Mahoney 2021). NaN if fewer than
    `FEWEST` eigenvalues are above 0.
    """
    tail = np.sort(sigma[sigma > 0])[::-1] ** 2  # descending
    if len(tail) < FEWEST:
        return math.nan
    logs = np.log(tail)
    best, least = math.nan, math.inf
    sums = np.cumsum(logs)
    for n in range(len(tail), 1, -1):  # the n largest
        excess = sums[n - 1] - n * logs[n - 1]
        if excess <= 0:  # all equal
            continue
        exponent = 1 + n / excess
        theory = 1 - np.exp((1 - exponent) * (logs[:n] - logs[n - 1]))
        distance = np.abs(theory - np.arange(n - 1, -1, -1) / n).max()
        if distance < least:
            best, least = float(exponent), float(distance)
    return best


def alpha_hat(sigma: Spectrum) -> float:
    """alpha log10(lambda_1): the exponent weighted by the scale (Martin, Peng & Mahoney 2021)."""
    return alpha(sigma) * 2 * math.log10(sigma[0]) if len(sigma) and sigma[0] > 0 else math.nan


def alpha_req(sigma: Spectrum) -> float:
    """Exponent of the decay lambda_j ~ j^-alpha of eigenvalues lambda = sigma^2, in their order.

    Least squares of ln lambda_j on ln j with the weights 1 / j, over j from 11 on: as Stringer et
    al. 2019 fit it, whose routine Agrawal et al. 2022 ("alpha-ReQ") took over. Of centred
    representations it is theirs. NaN if fewer than `FEWEST` eigenvalues are above 0.
    """
    values = sigma[sigma > 0] ** 2
    if len(values) < FEWEST:
        return math.nan
    j = np.arange(FIRST, len(values) + 1)
    x, y, weights = np.log(j), np.log(values[FIRST - 1 :]), 1 / j
    x_mean, y_mean = np.average(x, weights=weights), np.average(y, weights=weights)
    covariance = (weights * (x - x_mean) * (y - y_mean)).sum()
    return float(-covariance / (weights * (x - x_mean) ** 2).sum())
