"""Data-generating processes with known effects of training on a metric and an outcome.

In each, the training choices strongly affect both. The only association *given* the choices is a
planted correlation rho between the two noise terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.design import LOGARITHMIC, configurations, numeric_columns

Mask = NDArray[np.bool_]

EFFECT = 0.5
"""Standard deviation of a planted effect, per standard deviation of the choice."""


def _z(values: Floats) -> Floats:
    sd = values.std()
    return np.asarray((values - values.mean()) / sd if sd else np.zeros_like(values))


def standardised(design: pd.DataFrame) -> dict[str, Floats]:
    """Each design column that varies, standardised on the scale it is varied on."""
    found = {}
    for name in numeric_columns(design):
        values = design[name].to_numpy(np.float64)
        if np.ptp(values):
            found[name] = _z(np.log(values) if name in LOGARITHMIC else values)
    return found


def _linear(design: pd.DataFrame) -> Floats:
    columns = standardised(design)
    return np.column_stack(list(columns.values()) or [np.zeros(len(design))])


def _nonlinear(design: pd.DataFrame) -> Floats:
    main = _linear(design)
    return np.hstack([main, main**2])


def _interacting(design: pd.DataFrame) -> Floats:
    columns = standardised(design)
    size = columns.get("params_non_embedding", np.zeros(len(design)))
    turning = [columns[name] for name in ("weight_decay", "batch_size") if name in columns]
    further = [1.5 * size * column for column in turning]
    return np.column_stack([_nonlinear(design), *further])


def _size_dependent(design: pd.DataFrame) -> Floats:
    size = standardised(design).get("params_non_embedding", np.zeros(len(design)))
    own = pd.get_dummies(configurations(design)).to_numpy(np.float64)
    return np.column_stack([_interacting(design), 2 * own * (size**2)[:, None]])


def _normal(rng: np.random.Generator, n: int, rho: float) -> Floats:
    e = rng.standard_normal((n, 2))
    e[:, 1] = rho * e[:, 0] + np.sqrt(1 - rho**2) * e[:, 1]
    return e


def _heavy(rng: np.random.Generator, n: int, rho: float) -> Floats:
    """Student's t with 3 degrees of freedom and variance one: normal noise over independent chis.

    A shared chi would make the two dependent although uncorrelated, so there would be no null.
    """
    scales = np.sqrt(rng.chisquare(3, (n, 2)) / 3)
    return _normal(rng, n, rho) / scales / np.sqrt(3)


def _all(rows: pd.DataFrame, y: Floats, rng: np.random.Generator) -> Mask:
    return np.ones(len(rows), bool)


def _a_tenth_lost(rows: pd.DataFrame, y: Floats, rng: np.random.Generator) -> Mask:
    return rng.random(len(rows)) > 0.1


def _worst_diverged(rows: pd.DataFrame, y: Floats, rng: np.random.Generator) -> Mask:
    """The worse half of the runs with the highest learning rate is lost: not missing at random."""
    fast = rows["learning_rate"].to_numpy() == rows["learning_rate"].max()
    return np.asarray(~(fast & (y > np.median(y[fast]))))


@dataclass(frozen=True)
class Process:
    """The effects of training, the noise of runs, and which runs are observed."""

    meaning: str
    effects: Callable[[pd.DataFrame], Floats] = _nonlinear
    noise: Callable[[np.random.Generator, int, float], Floats] = _normal
    seen: Callable[[pd.DataFrame, Floats, np.random.Generator], Mask] = _all


PROCESSES = {
    "linear": Process("linear, additive effects", _linear),
    "nonlinear": Process("curved, additive effects"),
    "interacting": Process(
        "effects of weight decay and batch size depend on log size", _interacting
    ),
    "size_dependent": Process("each configuration's effect is curved in log size", _size_dependent),
    "heavy_tailed": Process("as interacting; noise is t with 3 df", _interacting, noise=_heavy),
    "missing_cells": Process(
        "as interacting; a tenth is missing", _interacting, seen=_a_tenth_lost
    ),
    "diverged": Process(
        "as interacting; the worse half of the highest learning rate is missing",
        _interacting,
        seen=_worst_diverged,
    ),
}


def draw(
    process: Process, design: pd.DataFrame, *, rho: float, noise: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, Floats, Floats]:
    """Simulate one study: the observed rows of the design, their metric and their outcome.

    Metric and outcome are each the effects times independent normal coefficients (sd `EFFECT`),
    plus noise of standard deviation `noise`.
    """
    effects = process.effects(design)
    driven = effects @ (EFFECT * rng.standard_normal((effects.shape[1], 2)))
    x, y = (driven + noise * process.noise(rng, len(design), rho)).T
    seen = process.seen(design, y, rng)
    return design[seen].reset_index(drop=True), x[seen], y[seen]


def true_rho(process: Process, rho: float) -> float:
    """Spearman's rho of the noise terms: (6 / pi) asin(rho / 2) if normal (Kruskal 1958).

    Other noise has no closed form; 200 000 draws give it with an error of 0.002.
    """
    if process.noise is _normal:
        return float(6 / np.pi * np.arcsin(rho / 2))
    sample = process.noise(np.random.default_rng(0), 200_000, rho)
    return float(spearmanr(sample).statistic)
