"""The associations table: every estimator for every pair of an outcome and a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disentangle.statistics.beside_design import r2_beside_design
from disentangle.statistics.by_size import spearman_by_size
from disentangle.statistics.clustered import clustered_slope
from disentangle.statistics.complete_rows import CompleteRows
from disentangle.statistics.design import check_design
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.increment import (
    NotEnoughError,
    cross_validate,
    incremental_r2,
)
from disentangle.statistics.mixed import mixed_effect, mixed_effect_by_run
from disentangle.statistics.multiplicity import benjamini_hochberg
from disentangle.statistics.partial import partial_spearman
from disentangle.statistics.residual import residual_spearman
from disentangle.statistics.spearman import spearman
from disentangle.statistics.within import within_spearman


class _Resampled(TypedDict):
    """How intervals are made."""

    clusters: NDArray[np.intp]
    resamples: int
    seed: int


PERMUTATIONS = 9999
"""Number of random permutations if there are too many for all; p is accurate to 0.005 at 5 %."""

# fmt: off
ASSOCIATIONS = [
    "variant", "outcome", "metric", "n",
    "rho", "rho_low", "rho_high", "rho_p",
    "by_size_rho", "by_size_low", "by_size_high", "by_size_sizes",
    "partial_rho", "partial_low", "partial_high", "partial_p", "partial_q",
    "residual_rho", "residual_low", "residual_high", "residual_p", "residual_df", "residual_q",
    "within_rho", "within_low", "within_high", "within_p", "within_n", "within_q",
    "clustered_coef", "clustered_se", "clustered_p",
    "delta_r2", "delta_r2_low", "delta_r2_high",
    "delta_r2_design", "delta_r2_design_low", "delta_r2_design_high",
    "mixed_coef", "mixed_se", "mixed_run_coef", "mixed_run_se", "mixed_run_n", "controls", "note",
]
REGRESSIONS = [
    "variant", "outcome", "metric", "model", "fold", "n_train", "n_test", "r2", "pooled_r2",
]
# fmt: on


def _note(reasons: dict[str, str]) -> str:
    return "; ".join(f"{estimator}: {reason}" for estimator, reason in reasons.items() if reason)


def reason_of(note: str, estimator: str) -> str:
    """The part of an association's note on one estimator; empty if there is none."""
    said = (part.partition(": ") for part in note.split("; "))
    return next((reason for name, _, reason in said if name == estimator), "")


def _along_runs(checkpoints: CompleteRows | None, outcome: str, metric: str) -> Estimate:
    """The mixed effect by run over checkpoints after step 0."""
    if checkpoints is None:
        return Estimate.unknown("one checkpoint per run")
    time = "tokens" if checkpoints.observations["tokens"].notna().all() else "step"
    of = checkpoints.of(outcome, metric)
    y, x, at, run = (of.rows[name] for name in (outcome, metric, time, "run"))
    return mixed_effect_by_run(y, x, at, of.control_design, run)


def _association(
    runs: CompleteRows,
    checkpoints: CompleteRows | None,
    outcome: str,
    metric: str,
    resamples: int,
    seed: int,
) -> dict[str, object]:
    of = runs.of(outcome, metric)
    x, y = (of.rows[name].to_numpy(np.float64) for name in (metric, outcome))
    resampled: _Resampled = {"clusters": of.families, "resamples": resamples, "seed": seed}

    raw = spearman(x, y, **resampled)
    by_size = spearman_by_size(x, y, of.sizes, **resampled)
    partial = partial_spearman(x, y, of.control_values, **resampled)
    residual = residual_spearman(x, y, of.matrix, **resampled)
    within = within_spearman(x, y, of.cells, permutations=PERMUTATIONS, seed=seed)
    clustered = clustered_slope(y, x, of.matrix, of.families)
    increment = incremental_r2(y, x, of.baseline, of.configurations, resamples=resamples, seed=seed)
    beside_design = r2_beside_design(y, x, of.matrix)
    by_run = _along_runs(checkpoints, outcome, metric)
    mixed = mixed_effect(y, x, of.hyperparameter_design, of.sizes)
    return {
        "outcome": outcome,
        "metric": metric,
        "n": len(of.rows),
        "rho": raw.value,
        "rho_low": raw.low,
        "rho_high": raw.high,
        "rho_p": raw.p,
        "by_size_rho": by_size.value,
        "by_size_low": by_size.low,
        "by_size_high": by_size.high,
        "by_size_sizes": by_size.df,
        "partial_rho": partial.value,
        "partial_low": partial.low,
        "partial_high": partial.high,
        "partial_p": partial.p,
        "residual_rho": residual.value,
        "residual_low": residual.low,
        "residual_high": residual.high,
        "residual_p": residual.p,
        "residual_df": residual.df,
        "within_rho": within.value,
        "within_low": within.low,
        "within_high": within.high,
        "within_p": within.p,
        "within_n": within.n,
        "clustered_coef": clustered.value,
        "clustered_se": clustered.se,
        "clustered_p": clustered.p,
        "delta_r2": increment.value,
        "delta_r2_low": increment.low,
        "delta_r2_high": increment.high,
        "delta_r2_design": beside_design.value,
        "delta_r2_design_low": beside_design.low,
        "delta_r2_design_high": beside_design.high,
        "mixed_coef": mixed.value,
        "mixed_se": mixed.se,
        "mixed_run_coef": by_run.value,
        "mixed_run_se": by_run.se,
        "mixed_run_n": by_run.n,
        "controls": ", ".join(of.controls),
        "note": _note(
            {
                "raw": raw.note,
                "by_size": by_size.note,
                "partial": partial.note,
                "residual": residual.note,
                "within": within.note,
                "clustered": clustered.note,
                "delta_r2": increment.note,
                "delta_r2_design": beside_design.note,
                "mixed": mixed.note,
                "mixed_run": by_run.note,
            }
        ),
    }


def associate(
    observations: pd.DataFrame,
    outcomes: Sequence[str],
    metrics: Sequence[str],
    *,
    variant: str,
    resamples: int,
    seed: int,
    checkpoints: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Association of every metric with every outcome, one row per pair (columns: `ASSOCIATIONS`).

    `observations`: one row per run, with the columns of `design.COLUMNS`. Each pair uses the rows
    in which it and the design are known and finite; `n` counts them. `checkpoints`: the runs'
    rows at all their steps, with `step` and `tokens`, for the mixed effect by run. Units:
    correlations and delta R^2 are pure numbers, mixed coefficients are in standard deviations.
    `partial_q`, `residual_q` and `within_q` are over the metrics of one outcome. `controls` names
    the design columns that vary; `note` says why a value is NaN. All intervals follow from `seed`.
    """
    check_design(observations)
    runs = CompleteRows(observations)
    trained = None if checkpoints is None else CompleteRows(checkpoints[checkpoints["step"] > 0])
    families = []
    for outcome in outcomes:
        family = pd.DataFrame(
            [_association(runs, trained, outcome, metric, resamples, seed) for metric in metrics]
        )
        if len(family):
            family["partial_q"] = benjamini_hochberg(family["partial_p"])
            family["residual_q"] = benjamini_hochberg(family["residual_p"])
            family["within_q"] = benjamini_hochberg(family["within_p"])
            families.append(family)
    table = pd.concat(families, ignore_index=True) if families else pd.DataFrame()
    return table.assign(variant=variant).reindex(columns=ASSOCIATIONS)


def regressions(
    observations: pd.DataFrame, outcomes: Sequence[str], metrics: Sequence[str], *, variant: str
) -> pd.DataFrame:
    """The cross-validated fits behind `delta_r2`, one row per fold (columns: `REGRESSIONS`).

    `r2` is the R^2 within a fold about its own mean; `pooled_r2` is the R^2 of the predictions of
    all folds. `delta_r2` is the difference of pooled R^2. A pair with too few rows for
    cross-validation has no rows here; its note in the associations gives the reason.
    """
    check_design(observations)
    runs = CompleteRows(observations)
    table = []
    for outcome, metric in product(outcomes, metrics):
        of = runs.of(outcome, metric)
        try:
            models = cross_validate(
                of.rows[outcome], of.rows[metric], of.baseline, of.configurations
            )
        except NotEnoughError:
            continue
        table += [
            {"outcome": outcome, "metric": metric, "model": model.model, "pooled_r2": model.r2}
            | asdict(fold)
            for model in models
            for fold in model.folds
        ]
    return pd.DataFrame(table).assign(variant=variant).reindex(columns=REGRESSIONS)
