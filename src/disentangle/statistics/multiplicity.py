"""Control of the false discovery rate when many metrics are tested on one outcome."""

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
