"""Bias, coverage, false positives and power of every estimator for one design."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from disentangle.calibration.processes import PROCESSES, draw, true_rho
from disentangle.checkpoint.cache import Cache
from disentangle.provenance import PACKAGE, code_hash
from disentangle.statistics.beside_design import r2_beside_design
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.clustered import clustered_slope
from disentangle.statistics.design import (
    cells,
    configurations,
    design_matrix,
    numeric_design,
    varying,
)
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.increment import incremental_r2, scale_baseline
from disentangle.statistics.mixed import mixed_effect
from disentangle.statistics.partial import partial_spearman
from disentangle.statistics.residual import residual_spearman
from disentangle.statistics.spearman import spearman
from disentangle.statistics.within import within_spearman
from disentangle.storage import digest
from disentangle.study.run import Run
from disentangle.study.sections.statistics import Calibration
from disentangle.study.settings import plain

LEVEL = 0.05

PERMUTATIONS = 999


@dataclass(frozen=True)
class Sample:
    """One simulated study, as input to the estimators."""

    rows: pd.DataFrame
    x: Floats
    y: Floats
    resamples: int
    seed: int
    clusters: Any
    """For intervals. If all rows are in one cluster, estimators give no interval."""

    def resampling(self) -> dict[str, Any]:
        return {"clusters": self.clusters, "resamples": self.resamples, "seed": self.seed}


def _raw(s: Sample) -> Estimate:
    return spearman(s.x, s.y, **s.resampling())


def _partial(s: Sample) -> Estimate:
    controls = s.rows[varying(s.rows)].to_numpy(np.float64)
    return partial_spearman(s.x, s.y, controls, **s.resampling())


def _residual(s: Sample) -> Estimate:
    return residual_spearman(s.x, s.y, design_matrix(s.rows), **s.resampling())


def _within(s: Sample) -> Estimate:
    return within_spearman(s.x, s.y, cells(s.rows), permutations=PERMUTATIONS, seed=s.seed)


def _clustered(s: Sample) -> Estimate:
    return clustered_slope(s.y, s.x, design_matrix(s.rows), cells(s.rows))


def _mixed(s: Sample) -> Estimate:
    names = [name for name in varying(s.rows) if name != "params_non_embedding"]
    return mixed_effect(s.y, s.x, numeric_design(s.rows, names), s.rows["size"].to_numpy())


def _increment(s: Sample) -> Estimate:
    baseline, left_out = scale_baseline(s.rows), configurations(s.rows)
    return incremental_r2(s.y, s.x, baseline, left_out, resamples=s.resamples, seed=s.seed)


def _beside_design(s: Sample) -> Estimate:
    return r2_beside_design(s.y, s.x, design_matrix(s.rows))


@dataclass(frozen=True)
class Estimator:
    """An estimator, and how it is evaluated."""

    name: str
    estimate: Callable[[Sample], Estimate]
    correlation: bool = False
    """Whether it estimates the correlation of the noise, so that bias and coverage are defined."""
    slow: bool = False
    """Whether it is so slow that it gets fewer studies."""

    def finds(self, estimate: Estimate) -> bool | None:
        """Whether it detects the association: by p, or else by an interval above 0; None if it has
        neither."""
        if np.isfinite(estimate.p):
            return bool(estimate.p < LEVEL)
        return None if np.isnan(estimate.low) else bool(estimate.low > 0)


ESTIMATORS = (
    Estimator("raw", _raw, correlation=True),
    Estimator("partial", _partial, correlation=True),
    Estimator("residual", _residual, correlation=True),
    Estimator("within", _within, correlation=True),
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


def _summary(
    estimator: Estimator, estimates: list[Estimate], truth: float, null: bool
) -> dict[str, Any]:
    answers = (estimator.finds(estimate) for estimate in estimates)
    said = [found for found in answers if found is not None]
    comparable = estimates if estimator.correlation else []
    values = [e.value for e in comparable if np.isfinite(e.value)]
    covered = [e.low <= truth <= e.high for e in comparable if np.isfinite(e.low + e.high)]
    found, found_low, found_high = _share(said)
    coverage, coverage_low, coverage_high = _share(covered)
    return {
        "studies": len(estimates),
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
    """The planned runs, one row each, with the columns of `statistics.design.COLUMNS`.

    `learning_rate` is the multiple of the default, which means the same at every size.
    """
    rows = pd.DataFrame({"run": run.name} | run.covariates() for run in runs)
    return rows.assign(learning_rate=rows["learning_rate_multiple"]) if len(rows) else rows


def calibrate_once(
    design: pd.DataFrame, settings: Calibration, seed: int, cache: Cache
) -> list[dict[str, Any]]:
    """The same as `calibrate`, but cached; empty without runs."""
    if design.empty:
        return []
    key = {
        "design": digest(json.loads(design.to_json(orient="records"))),
        "settings": plain(settings),
        "seed": seed,
        "code": calibrating_code(),
    }
    if not cache.has(key):
        cache.put(key, calibrate(design, **dict(settings), seed=seed))
    rows: list[dict[str, Any]] = cache.get(key) or []
    return rows


def calibrate(
    design: pd.DataFrame,
    *,
    effects: Sequence[float],
    noise: float,
    studies: int,
    with_intervals: int,
    resamples: int,
    seed: int,
    processes: Sequence[str] = tuple(PROCESSES),
) -> list[dict[str, Any]]:
    """Simulate studies of one design in every process and apply every estimator to them.

    Args:
        design: one row a run, with the columns of `statistics.design.COLUMNS`.
        effects: correlations of the noise to plant, in addition to 0.
        noise: standard deviation of the noise; each effect of training has 0.5.
        studies: number of simulated studies per process and effect.
        with_intervals: how many of these also get intervals and slow estimators.
        resamples: bootstrap resamples for those.
        seed: random seed of the simulation.
        processes: which of `PROCESSES`.

    Returns:
        Rows of the calibration table.
    """
    rows = []
    for number, name in enumerate(PROCESSES):
        if name not in processes:
            continue
        for rho in (0.0, *effects):
            estimates: dict[str, list[Estimate]] = {estimator.name: [] for estimator in ESTIMATORS}
            for study in range(studies):
                # rho is not in the seed: the same processes with and without the effect
                rng = np.random.default_rng([seed, number, study])
                seen, x, y = draw(PROCESSES[name], design, rho=rho, noise=noise, rng=rng)
                thorough = study < with_intervals
                clusters = cells(seen) if thorough else np.zeros(len(seen))
                sample = Sample(seen, x, y, resamples if thorough else 1, study, clusters)
                for estimator in ESTIMATORS:
                    if thorough or not estimator.slow:
                        estimates[estimator.name].append(estimator.estimate(sample))
            truth = true_rho(PROCESSES[name], rho)
            rows += [
                {"process": name, "planted_rho": rho, "estimator": estimator.name, "n": len(design)}
                | _summary(estimator, estimates[estimator.name], truth, rho == 0)
                for estimator in ESTIMATORS
            ]
    return rows
