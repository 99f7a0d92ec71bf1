"""Outcome and exposure of some arms, and what is left of them within blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disentangle.statistics.bootstrap import Floats

Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """Runs of several arms, flat.

    A block is a seed, or the arms of a seed that are compared with each other: with the lever of
    factors there are two blocks a seed, since factors change the optimisation by themselves, and
    their arms are compared with the arm that has factors alone.
    """

    outcome: Floats
    exposure: Floats
    arm: Integers
    """Numbered from 0 among the arms that are there."""
    block: Integers
    seed: Integers

    @property
    def n(self) -> int:
        """Number of runs."""
        return len(self.outcome)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return int(self.block.max()) + 1 if self.n else 0

    def within(self, values: Floats) -> Floats:
        """Values (n, or n x m) minus their block's mean."""
        columns = values.reshape(self.n, -1)
        counts = np.bincount(self.block, minlength=self.blocks)
        sums = np.zeros((self.blocks, columns.shape[1]))
        np.add.at(sums, self.block, columns)
        return np.asarray((columns - (sums / counts[:, None])[self.block]).reshape(values.shape))

    def instruments(self) -> Floats:
        """Indicators of the arms, n x arms, minus their block's mean."""
        return self.within((self.arm[:, None] == np.unique(self.arm)).astype(np.float64))

    def by_seed(self, values: Floats) -> Floats:
        """Sums of values (n, or n x m) by seed: one row for each seed that is there."""
        _, place = np.unique(self.seed, return_inverse=True)
        sums = np.zeros((int(place.max()) + 1, *values.shape[1:]))
        np.add.at(sums, place, values)
        return sums


def sample(outcome: Floats, exposure: Floats, groups: Sequence[Sequence[int]]) -> Sample:
    """The runs of some arms that have both values.

    Args:
        outcome: seeds x arms, NaN where there is no run.
        exposure: likewise.
        groups: places of the arms that are compared with each other. A block needs two runs; one
            without a partner says nothing.
    """
    rows: list[tuple[int, int, int]] = []
    block = 0
    known = np.isfinite(outcome) & np.isfinite(exposure)
    for group in groups:
        for seed in range(len(outcome)):
            arms = [arm for arm in group if known[seed, arm]]
            if len(arms) > 1:
                rows += [(seed, arm, block) for arm in arms]
                block += 1
    seeds, arms_, blocks = np.array(rows, dtype=np.intp).reshape(-1, 3).T
    number = np.unique(arms_, return_inverse=True)[1]
    return Sample(outcome[seeds, arms_], exposure[seeds, arms_], number, blocks, seeds)
