"""What is estimated of an experiment, and the bound below which an effect counts as none."""

from __future__ import annotations

from dataclasses import dataclass

from disentangle.tables.select import CHIEF_OUTCOME

EXPOSURE = "Wproj_effective_rank_pct"
"""What the arms move: the effective rank of W as far as the function fixes it, in percent of d."""

PERCENT = 100.0

TENTH = 0.1
"""A tenth of d: the step of R/d to which bounds refer."""

BOUND = 0.01
"""Bits per byte: a smaller change per tenth of d counts as none."""


@dataclass(frozen=True)
class CausalSettings:
    """Settings of `estimate_causal`."""

    outcomes: tuple[str, ...] = (CHIEF_OUTCOME,)
    """Losses, as columns of the observations."""
    exposure: str = EXPOSURE
    """Column of the observations, in percent; R/d is a hundredth of it."""
    bound: float = BOUND
    """In the outcome's unit: per tenth of d for slopes, and as it is for differences of arms."""
    permutations: int = 4999
    """Random rearrangements of arms within seeds, if there are too many to take all."""
    seed: int = 0
    """Random seed of those."""
