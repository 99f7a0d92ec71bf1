"""Intention to treat: arms compared within seeds, whether or not an arm reached its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from disentangle.causal.anderson_rubin import anderson_rubin
from disentangle.causal.by_seed import by_seed
from disentangle.causal.panel import Panel
from disentangle.causal.sample import sample
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.estimate import Estimate


@dataclass(frozen=True)
class Comparison:
    """An arm and what it is compared with, by their places in the panel."""

    arm: int
    reference: int

    @property
    def weights(self) -> dict[int, float]:
        """Of the arms in the difference."""
        return {self.arm: 1.0, self.reference: -1.0}


def comparisons(panel: Panel) -> list[Comparison]:
    """Each arm minus the control, and each hard limit minus what factors alone do."""
    found = [Comparison(place, 0) for place in range(1, len(panel.arms))]
    if panel.factored is not None:
        found += [Comparison(place, panel.factored) for place in panel.limited]
    return found


def contrast(values: Floats, weights: Mapping[int, float]) -> Estimate:
    """Mean over seeds of a weighted sum of arms, by sign flips of seeds.

    Exact for a difference of two arms if neither does anything, and for any other sum if its
    deviations from the mean are symmetric. Seeds that lack an arm are left out, and the note says
    how many.

    Args:
        values: seeds x arms, NaN where there is no run.
        weights: place of an arm to its weight.
    """
    used = [place for place, weight in weights.items() if weight]
    sums = values[:, used] @ np.array([weights[place] for place in used])
    known = sums[np.isfinite(sums)]
    found = by_seed(known, np.ones(len(known)), n=len(known) * len(used))
    lacking = len(sums) - len(known)
    if not lacking:
        return found
    lost = f"{lacking} of {len(sums)} seeds lack an arm"
    return replace(found, note=f"{lost}; {found.note}" if found.note else lost)


def any_difference(values: Floats, *, permutations: int, seed: int) -> float:
    """p of the hypothesis that no arm does anything: sum of squares between arms within seeds.

    Arms are permuted within seeds. NaN if no seed has two arms.
    """
    # with a constant exposure no slope matters, so it is Anderson and Rubin's test at any slope
    found = sample(values, np.zeros_like(values), [range(values.shape[1])])
    if found.n < 2:
        return float("nan")
    return anderson_rubin(found, permutations=permutations, seed=seed).p
