"""Compensation: does something else move when the rank is moved, and the other way?

A model whose W is held at a low rank can spread H, or grow the norm of W, so that its logits keep
their spectrum. Then a flat response of the loss says that rank is made up for, not that it is idle.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd

from disentangle.statistics.estimate import Estimate

OTHERS = (
    "H_effective_rank_pct",
    "Wlogit_effective_rank_pct",
    "Wfisher_effective_rank_pct",
    "W_effective_rank_pct",
    "Wproj_frobenius_norm",
    "W_frobenius_norm",
    "H_frobenius_norm",
)
"""What may move along: representations, the logits' spectrum, W as published, and norms."""

Movement = Literal["with it", "the other way", "not shown", ""]


def others(observations: pd.DataFrame, exposure: str) -> list[str]:
    """Those of `OTHERS` that are known and are not the exposure itself."""
    return [
        name
        for name in OTHERS
        if name != exposure and name in observations and observations[name].notna().any()
    ]


def movement(slope: Estimate) -> Movement:
    """Whether something rises or falls with the exposure, by the whole 95 % interval."""
    if slope.value != slope.value:
        return ""
    if slope.low > 0:
        return "with it"
    return "the other way" if slope.high < 0 else "not shown"
