"""Bias, coverage, false positives and power of every estimator, on one design."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

from disentangle.calibration.worlds import WORLDS, draw, true_rho
from disentangle.provenance import PACKAGE, code_hash
from disentangle.statistics.beside_design import r2_beside_design
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.clustered import clustered_slope
from disentangle.statistics.design import (
    HYPERPARAMETERS,
    cells,
    configurations,
    design_matrix,
    numeric_design,
    varying,
)
from disentangle.statistics.increment import incremental_r2, scale_baseline
from disentangle.statistics.mixed import mixed_effect
from disentangle.statistics.partial import partial_spearman
from disentangle.statistics.raw import spearman
from disentangle.statistics.residual import residual_spearman
from disentangle.statistics.within import within_spearman
from disentangle.study.run import Run

LEVEL = 0.05

PERMUTATIONS = 999


@dataclass(frozen=True)
class Answer:
    """What an estimator says of one simulated study."""

    value: float
    low: float
    high: float
    found: bool | None
    """Whether it calls the association real; None where it says nothing."""


@dataclass(frozen=True)
class Sample:
    """One simulated study, as the estimators get it."""

    rows: pd.DataFrame
    x: Floats
    y: Floats
    resamples: int
    seed: int
    clusters: Any
    """For intervals; all in one where no interval is asked for, which estimators then leave out."""

    def resampling(self) -> dict[str, Any]:
        return {"clusters": self.clusters, "resamples": self.resamples, "seed": self.seed}


def _by_p(value: float, low: float, high: float, p: float) -> Answer:
    return Answer(value, low, high, None if np.isnan(p) else bool(p < LEVEL))


def _raw(s: Sample) -> Answer:
    found = spearman(s.x, s.y, **s.resampling())
    return _by_p(found.rho, found.low, found.high, found.p)


def _partial(s: Sample) -> Answer:
    controls = s.rows[varying(s.rows)].to_numpy(np.float64)
    found = partial_spearman(s.x, s.y, controls, **s.resampling())
    return _by_p(found.rho, found.low, found.high, found.p)


def _residual(s: Sample) -> Answer:
    found = residual_spearman(s.x, s.y, design_matrix(s.rows), **s.resampling())
    return _by_p(found.rho, found.low, found.high, found.p)


def _within(s: Sample) -> Answer:
    found = within_spearman(s.x, s.y, cells(s.rows), permutations=PERMUTATIONS, seed=s.seed)
    return _by_p(found.rho, found.low, found.high, found.p)


def _clustered(s: Sample) -> Answer:
    found = clustered_slope(s.y, s.x, design_matrix(s.rows), cells(s.rows))
    # a slope in units of its own, so neither bias nor coverage of a correlation
    return _by_p(np.nan, np.nan, np.nan, found.p)


def _mixed(s: Sample) -> Answer:
    names = [name for name in varying(s.rows) if name in HYPERPARAMETERS]
    found = mixed_effect(s.y, s.x, numeric_design(s.rows, names), s.rows["size"].to_numpy())
    p = 2 * norm.sf(abs(found.coefficient) / found.se) if found.se > 0 else np.nan
    return _by_p(np.nan, np.nan, np.nan, float(p))


def _increment(s: Sample) -> Answer:
    found = incremental_r2(
        s.y,
        s.x,
        scale_baseline(s.rows),
        configurations(s.rows),
        resamples=s.resamples,
        seed=s.seed,
    )
    return Answer(np.nan, np.nan, np.nan, None if np.isnan(found.low) else bool(found.low > 0))


def _beside_design(s: Sample) -> Answer:
    found = r2_beside_design(s.y, s.x, design_matrix(s.rows))
    return Answer(np.nan, np.nan, np.nan, None if np.isnan(found.low) else bool(found.low > 0))


@dataclass(frozen=True)
class Estimator:
    """An estimator, and whether it takes so long that fewer studies must do."""

    name: str
    answer: Callable[[Sample], Answer]
    slow: bool = False


ESTIMATORS = (
    Estimator("raw", _raw),
    Estimator("partial", _partial),
    Estimator("residual", _residual),
    Estimator("within", _within),
    Estimator("clustered", _clustered),
    Estimator("mixed", _mixed, slow=True),
    Estimator("delta_r2", _increment, slow=True),
    Estimator("delta_r2_design", _beside_design),
)


def _share(found: Sequence[bool]) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson 1927)."""
    if not found:
        return np.nan, np.nan, np.nan
    test = binomtest(sum(found), len(found))
    low, high = test.proportion_ci(method="wilson")
    return float(test.statistic), float(low), float(high)


def _summary(answers: list[Answer], truth: float, null: bool) -> dict[str, Any]:
    said = [answer.found for answer in answers if answer.found is not None]
    values = [answer.value for answer in answers if np.isfinite(answer.value)]
    covered = [a.low <= truth <= a.high for a in answers if np.isfinite(a.low + a.high)]
    found, found_low, found_high = _share(said)
    coverage, coverage_low, coverage_high = _share(covered)
    return {
        "studies": len(answers),
        "answered": len(said),
        "kind": "false positives" if null else "power",
        "found": found,
        "found_low": found_low,
        "found_high": found_high,
        "truth": truth,
        "bias": float(np.mean(values)) - truth if values else np.nan,
        "intervals": len(covered),
        "coverage": coverage,
        "coverage_low": coverage_low,
        "coverage_high": coverage_high,
    }


def calibrating_code() -> str:
    """Hash of the code that a calibration depends on."""
    return code_hash(PACKAGE / "calibration" / "calibrate.py")


def planned_design(runs: Iterable[Run]) -> pd.DataFrame:
    """Runs as they are planned, a row each, with the columns of `statistics.design.COLUMNS`.

    `learning_rate` is the multiple of the default, which means the same at every size.
    """
    rows = pd.DataFrame({"run": run.name} | run.covariates() for run in runs)
    return rows.assign(learning_rate=rows["learning_rate_multiple"]) if len(rows) else rows


def calibrate(
    design: pd.DataFrame,
    *,
    effects: Sequence[float],
    noise: float,
    studies: int,
    with_intervals: int,
    resamples: int,
    seed: int,
    worlds: Sequence[str] = tuple(WORLDS),
) -> list[dict[str, Any]]:
    """Simulate studies of one design in every world, and ask every estimator what it finds.

    Args:
        design: one row a run, with the columns of `statistics.design.COLUMNS`.
        effects: correlations of the noises to plant beside none.
        noise: standard deviation of the noise; training's effects have 0.5 each.
        studies: simulated per world and effect.
        with_intervals: of these, how many are also given intervals and asked of slow estimators.
        resamples: bootstrap resamples of those.
        seed: of all that is drawn.
        worlds: which of `WORLDS`.

    Returns:
        Rows of the calibration table.
    """
    rows = []
    for number, name in enumerate(WORLDS):
        if name not in worlds:
            continue
        for rho in (0.0, *effects):
            answers: dict[str, list[Answer]] = {estimator.name: [] for estimator in ESTIMATORS}
            for study in range(studies):
                # not by rho: the same worlds with and without the effect
                rng = np.random.default_rng([seed, number, study])
                seen, x, y = draw(WORLDS[name], design, rho=rho, noise=noise, rng=rng)
                thorough = study < with_intervals
                clusters = cells(seen) if thorough else np.zeros(len(seen))
                sample = Sample(seen, x, y, resamples if thorough else 1, study, clusters)
                for estimator in ESTIMATORS:
                    if thorough or not estimator.slow:
                        answers[estimator.name].append(estimator.answer(sample))
            truth = true_rho(WORLDS[name], rho)
            rows += [
                {"world": name, "planted_rho": rho, "estimator": estimator.name, "n": len(design)}
                | _summary(answers[estimator.name], truth, rho == 0)
                for estimator in ESTIMATORS
            ]
    return rows
