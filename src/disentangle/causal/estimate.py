"""All estimates of an experiment in one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from disentangle.causal.arm_rows import arm_rows, effect_rows
from disentangle.causal.panel import panels
from disentangle.causal.settings import CausalSettings
from disentangle.causal.slope_rows import slope_rows

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class CausalTables:
    """Rows of the tables of the same names in `tables.causal`; empty without an experiment."""

    arms: Rows = field(default_factory=list)
    arm_effects: Rows = field(default_factory=list)
    slopes: Rows = field(default_factory=list)


def estimate_causal(
    observations: pd.DataFrame,
    settings: CausalSettings | None = None,
    *,
    background: pd.DataFrame | None = None,
) -> CausalTables:
    """Estimate the effects of every arm, and the slope of every response on rank.

    Args:
        observations: the observations table; see `panels` for the columns that make an experiment.
        settings: outcomes, exposure, bound, permutations.
        background: observations for the observational slopes, such as those of another study with
            models of the same sizes; by default the same ones.

    Raises:
        StudyError: if two runs have the same cell, arm and seed.
    """
    settings = settings or CausalSettings()
    background = observations if background is None else background
    found = CausalTables()
    for panel in panels(observations):
        found.arms.extend(arm_rows(panel, settings))
        found.arm_effects.extend(effect_rows(panel, settings))
        found.slopes.extend(slope_rows(panel, background, settings))
    return found
