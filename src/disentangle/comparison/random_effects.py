"""A pooled correlation of several studies: of studies like these, and of these alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Pooled:
    """Correlations of several studies in one."""

    rho: float
    low: float
    """95 % interval of the mean correlation over studies like these."""
    high: float
    these: float
    """The mean of these studies alone, weighted by inverse variance (fixed effects)."""
    these_low: float
    """Its 95 % interval: how far the noise of each study leaves that mean open."""
    these_high: float
    q: float
    """Cochran's Q, the weighted sum of squares around the fixed-effect mean, on Fisher's z."""
    q_p: float
    """p of Q, chi-squared with one degree of freedom less than studies, if all are equal."""
    i2: float
    """Share of Q beyond its expectation, 0 to 1: how much of the spread is between studies."""
    tau: float
    """Standard deviation between studies, on Fisher's z."""


def z_error(low: float, high: float) -> float:
    """The standard error of Fisher's z = atanh(rho) that its 95 % interval implies.

    (atanh(high) - atanh(low)) / (2 x 1.96): Cochrane Handbook 6.3.1 for any interval that is
    symmetric on the scale on which it is pooled; a bootstrap interval is so only approximately.
    """
    return (math.atanh(high) - math.atanh(low)) / (2 * float(stats.norm.ppf((1 + LEVEL) / 2)))


def pool(rhos: Sequence[float], errors: Sequence[float]) -> Pooled:
    """Pool correlations by inverse variance on Fisher's z, with a variance between studies.

    The variance between studies is DerSimonian & Laird's (1986), max(0, (Q - k + 1) / c) with
    c = sum w - sum w^2 / sum w and w = 1 / error^2; for two studies Paule & Mandel's is the same.
    The interval is Hartung & Knapp's (2001): the mean's variance is scaled by
    sum w* (z - mean)^2 / (k - 1), w* with the variance between studies, and t has k - 1 degrees of
    freedom. The scale is at least 1, so that studies which agree by chance do not shorten the
    interval (Roever, Knapp & Friede 2015). With two studies t has one degree of freedom, and its
    quantile is 12.7: the interval is wide, and rightly so, as two studies say little about others.

    The mean of these studies alone is that with w, and its standard error 1 / sqrt(sum w). It need
    not be assumed for it that the studies have one correlation (fixed effects in the plural: Rice,
    Higgins & Lumley 2018). It is what replications of one design are pooled for.

    Args:
        rhos: correlations, inside (-1, 1).
        errors: their standard errors on Fisher's z.

    Raises:
        ValueError: with fewer than two studies.
    """
    k = len(rhos)
    if k < 2:
        raise ValueError("at least two studies are needed")
    z = np.arctanh(np.asarray(rhos, dtype=float))
    variance = np.asarray(errors, dtype=float) ** 2
    w = 1 / variance
    fixed = float(w @ z / w.sum())
    q = float(w @ (z - fixed) ** 2)
    c = float(w.sum() - w @ w / w.sum())
    between = max(0.0, (q - (k - 1)) / c)
    w_random = 1 / (variance + between)
    mean = float(w_random @ z / w_random.sum())
    scale = max(1.0, float(w_random @ (z - mean) ** 2) / (k - 1))
    error = math.sqrt(scale / float(w_random.sum()))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, k - 1)) * error
    reach_of_these = float(stats.norm.ppf((1 + LEVEL) / 2)) / math.sqrt(float(w.sum()))
    return Pooled(
        rho=math.tanh(mean),
        low=math.tanh(mean - reach),
        high=math.tanh(mean + reach),
        these=math.tanh(fixed),
        these_low=math.tanh(fixed - reach_of_these),
        these_high=math.tanh(fixed + reach_of_these),
        q=q,
        q_p=float(stats.chi2.sf(q, k - 1)),
        i2=max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0,
        tau=math.sqrt(between),
    )
