"""Many tests at once: the rate of false discoveries, or the chance of any."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import false_discovery_control

from disentangle.statistics.bootstrap import Floats


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """q values of one family (Benjamini & Hochberg 1995); a NaN stays NaN and counts as no test."""
    p = np.asarray(p, dtype=np.float64)
    q = np.full_like(p, np.nan)
    tested = np.isfinite(p)
    if tested.any():
        q[tested] = false_discovery_control(p[tested], method="bh")
    return q


def holm(p: ArrayLike) -> Floats:
    """p values of one family, adjusted so that the chance of any false rejection keeps the level.

    The i-th smallest of m is max over j <= i of (m - j + 1) p_j, at most 1 (Holm 1979). It holds
    under any dependence, such as that of arms compared with one control. A NaN stays NaN and counts
    as no test.
    """
    p = np.asarray(p, dtype=np.float64)
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
