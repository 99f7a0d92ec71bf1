"""The tables of a study that trains, made from manifests and measurements in one call."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from disentangle.checkpoint.manifest import read_run
from disentangle.checkpoint.quarantine import Quarantined
from disentangle.checkpoint.references import Perturbed
from disentangle.study.external import ExternalRun
from disentangle.study.regime import regime_of
from disentangle.study.run import Run
from disentangle.tables.anomalies import anomalies
from disentangle.tables.collect import (
    checkpoint_rows,
    missing_rows,
    missing_variants,
    observations,
    quarantined_rows,
)
from disentangle.tables.collected import (
    ANOMALIES,
    CHECKPOINTS,
    MISSING,
    REGIME,
    observations_table,
)
from disentangle.tables.evaluation import EVALUATION, PASSAGES
from disentangle.tables.geometry import geometry_table
from disentangle.tables.passages import Passages
from disentangle.tables.table import Table
from disentangle.vocabulary.user_metric import UserMetric

Rows = pd.DataFrame | list[dict[str, Any]]


def study_tables(
    runs: Iterable[Run | ExternalRun],
    manifests: Mapping[str, Path],
    perturbed: Iterable[Perturbed],
    *,
    geometry: pd.DataFrame,
    evaluation: pd.DataFrame,
    passages: pd.DataFrame,
    quarantined: Mapping[str, Sequence[Quarantined]],
    metrics: Iterable[UserMetric],
    text_tokens: int | None,
) -> dict[str, tuple[Rows, Table]]:
    """Collect a study's tables.

    Args:
        runs: the study's runs, including models from elsewhere.
        manifests: run to its manifest.
        perturbed: the outcome of each perturbation.
        geometry: rows of all cohorts.
        evaluation: rows of all cohorts.
        passages: rows of all cohorts.
        quarantined: stage to what its jobs could not measure.
        metrics: the user's own metrics.
        text_tokens: tokens of the training text; None if nothing is trained.

    Returns:
        Name of each table to its rows and kind.
    """
    runs = list(runs)
    checkpoints = pd.DataFrame(
        row for run in runs for row in checkpoint_rows(run, manifests[run.name])
    )
    missing = [row for run in runs for row in missing_rows(run, read_run(manifests[run.name]))]
    missing += missing_variants(list(perturbed))
    for stage, found in quarantined.items():
        missing += quarantined_rows(stage, found)
    own = {metric.name: metric.meaning for metric in metrics}
    seen = observations(checkpoints, geometry, evaluation, Passages(passages))
    trained = [run for run in runs if isinstance(run, Run)]
    regimes = [
        {"run": run.name, "size": run.size.name} | asdict(regime_of(run, text_tokens))
        for run in trained
    ]
    return ({"regime": (regimes, REGIME)} if trained else {}) | {
        "checkpoints": (checkpoints, CHECKPOINTS),
        "geometry": (geometry, geometry_table(own)),
        "evaluation": (evaluation, EVALUATION),
        "passages": (passages, PASSAGES),
        "observations": (seen, observations_table(own)),
        "missing": (missing, MISSING),
        "anomalies": (anomalies(checkpoints, evaluation), ANOMALIES),
    }
