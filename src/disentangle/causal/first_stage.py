"""The first stage: do the arms move the rank, and does the controller reach its target?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import f as fisher

from disentangle.causal.panel import Arm
from disentangle.causal.sample import Sample
from disentangle.statistics.bootstrap import Floats


@dataclass(frozen=True)
class FirstStage:
    """F of the arms in a regression of exposure on blocks and arms."""

    f: float
    df: int
    """Of the numerator: arms less one in each group."""
    df_left: int
    p: float


def first_stage(found: Sample) -> FirstStage:
    """F of  exposure = block + arm + e  against  exposure = block + e.

    A usual bound for instruments that are not weak is F > 10 (Staiger & Stock 1997). The intervals
    here hold with weak instruments too; F says whether the arms did what they are for.
    """
    nothing = FirstStage(math.nan, 0, 0, math.nan)
    if found.n < 2:
        return nothing
    z, x = found.instruments(), found.within(found.exposure)
    df = int(np.linalg.matrix_rank(z))
    df_left = found.n - found.blocks - df
    if df < 1 or df_left < 1:
        return nothing
    fitted = z @ np.linalg.lstsq(z, x, rcond=None)[0]
    explained, left = float(fitted @ fitted), float((x - fitted) @ (x - fitted))
    f = explained / df / (left / df_left) if left > 0 else math.inf
    return FirstStage(f, df, df_left, float(fisher.sf(f, df, df_left)))


def missed(exposure: Floats, arm: Arm) -> Floats:
    """By how much each run of an arm misses the target of R/d that a controller holds.

    Empty for other kinds: an initial spectrum is left alone afterwards, and the rest has no target
    of R/d. NaN where there is no run.
    """
    return exposure - arm.dose if arm.kind == "spectrum" else np.empty(0)
