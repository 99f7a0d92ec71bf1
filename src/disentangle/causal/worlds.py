"""Simulated experiments in which it is known what moves the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from disentangle.causal.panel import Arm, Panel
from disentangle.statistics.bootstrap import Floats

SEEDS = 12

ARMS = (
    Arm(""),
    Arm("spectrum-.4", "spectrum", 0.4),
    Arm("spectrum-.6", "spectrum", 0.6),
    Arm("spectrum-.8", "spectrum", 0.8),
    Arm("spectrum-.97", "spectrum", 0.97),
    Arm("initial-.4", "initial_spectrum", 0.4),
    Arm("rotate", "rotate", 0.01),
    Arm("norm", "norm", 0.7),
    Arm("gauge", "gauge", 0.4),
    Arm("factor-.4", "factor", 0.4),
    Arm("factor-1", "factor", 1.0),
)
"""The planned experiment."""

NATURAL = 0.64
"""R/d that training reaches by itself."""

REACHED = np.array([NATURAL, 0.4, 0.6, 0.8, 0.97, 0.52, NATURAL, 0.62, NATURAL, 0.33, 0.6])
"""Mean R/d of each arm at the end. An initial spectrum is partly forgotten."""

HELD = np.array([arm.kind == "spectrum" for arm in ARMS])
"""Arms whose rank a controller holds."""

LOSS_NOISE = 0.031
"""Standard deviation of a run's loss given its seed, bits per byte."""
SEED_NOISE = 0.05
"""Of what the arms of a seed share."""
RANK_NOISE, HELD_NOISE = 0.02, 0.003
"""Of R/d, without and with a controller."""

SLOPE = 0.1
"""Planted slope, bits per byte per unit of R/d: .01 per tenth of d, the bound itself."""
BEND = 0.5
"""Planted second-order coefficient of the U."""
TURN = 0.7
"""R/d at which the U turns."""


def panel() -> Panel:
    """The planned experiment without its runs."""
    return Panel("simulated", "", ARMS, tuple(map(str, range(SEEDS))), pd.DataFrame())


def _no_effect(rank: Floats) -> Floats:
    return np.zeros_like(rank)


def _straight(rank: Floats) -> Floats:
    return SLOPE * rank


def _bent(rank: Floats) -> Floats:
    return BEND * (rank - TURN) ** 2


@dataclass(frozen=True)
class World:
    """What moves the loss."""

    meaning: str
    by_rank: Callable[[Floats], Floats] = _no_effect
    """Loss as a function of R/d."""
    beside: Mapping[str, float] = field(default_factory=dict)
    """Arm to what it does to the loss beside rank."""
    unequal: Mapping[str, float] = field(default_factory=dict)
    """Arm to the factor of its noise."""
    shared: float = 0.0
    """Correlation of the noise of R/d with that of the loss, where no controller holds the rank."""
    heavy: bool = False
    """Whether noise is Student's t with 3 degrees of freedom, of the same variance."""
    missing: float = 0.0
    """Share of runs that diverge."""

    def direct(self) -> Floats:
        """Effect of each arm beside rank."""
        return np.array([self.beside.get(arm.name, 0.0) for arm in ARMS])

    def mean_loss(self) -> Floats:
        """Expected loss of each arm, up to a constant."""
        noise = np.where(HELD, HELD_NOISE, RANK_NOISE)
        # a parabola is the only one of these that is not linear, and its mean needs the variance
        bent = 0.5 * (self.by_rank(REACHED + noise) + self.by_rank(REACHED - noise))
        return np.asarray(bent + self.direct())

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Outcome and exposure, seeds x arms; NaN where a run diverged."""
        shape = (SEEDS, len(ARMS))
        of_rank = rng.standard_normal(shape)
        own = rng.standard_t(3, shape) / np.sqrt(3) if self.heavy else rng.standard_normal(shape)
        # rank and loss of a run, and of a seed, have a common cause that lowers the one
        of_loss = -self.shared * of_rank + np.sqrt(1 - self.shared**2) * own
        of_seed = rng.standard_normal((SEEDS, 1))
        rank_of_seed = -self.shared * of_seed * RANK_NOISE
        noise = np.where(HELD, HELD_NOISE, RANK_NOISE)
        rank = REACHED + noise * of_rank + np.where(HELD, 0.0, rank_of_seed)
        factor = np.array([self.unequal.get(arm.name, 1.0) for arm in ARMS])
        loss = 3 + SEED_NOISE * of_seed + LOSS_NOISE * factor * of_loss
        loss = loss + self.by_rank(rank) + self.direct()
        lost = rng.random(shape) < self.missing
        return np.where(lost, np.nan, loss), np.where(lost, np.nan, rank)


def _lever(slope: float) -> dict[str, float]:
    """What the doses do beside rank, as a slope of their own."""
    return {
        arm.name: slope * (reached - NATURAL)
        for arm, reached in zip(ARMS, REACHED, strict=True)
        if arm.kind == "spectrum"
    }


WORLDS = {
    "nothing": World("no arm does anything"),
    "rank": World("loss rises by .1 bits per byte per unit of R/d, however it is moved", _straight),
    "lever": World(
        "holding a spectrum changes loss by .3 per unit of R/d, rank does nothing",
        beside=_lever(0.3),
    ),
    "unequal": World(
        "as nothing; noise is three times as large in the lowest dose and the hard limit, twice in "
        "the highest dose",
        unequal={"spectrum-.4": 3, "spectrum-.97": 2, "factor-.4": 3},
    ),
    "U": World("loss is .5 (R/d - .7)^2", _bent),
    "shared": World(
        "as nothing; rank and loss of a run, and of a seed, have a common cause", shared=0.7
    ),
    "heavy": World(
        "as rank; noise is Student's t with 3 degrees of freedom", _straight, heavy=True
    ),
    "missing": World("as rank; a tenth of the runs is missing", _straight, missing=0.1),
}
