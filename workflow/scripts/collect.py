"""The tables of the study, from its runs' manifests and measurements."""

from pathlib import Path

import pandas as pd

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.manifest import read_run
from disentangle.checkpoint.quarantine import read_all_quarantined
from disentangle.checkpoint.references import read_perturbed
from disentangle.job import job
from disentangle.study.folder import StudyFolder
from disentangle.study.specs.tables import Collect
from disentangle.tables.anomalies import anomalies
from disentangle.tables.collect import (
    checkpoint_rows,
    missing_rows,
    missing_variants,
    observations,
    quarantined_rows,
)
from disentangle.tables.collected import ANOMALIES, CHECKPOINTS, MISSING, observations_table
from disentangle.tables.evaluation import EVALUATION
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.geometry import geometry_table

with job("collect", snakemake):
    spec = Collect.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    runs = {run.name: run for run in (*spec.runs, *spec.external)}
    manifests = {
        run: manifest
        for cohort in snakemake.input.trained
        for run, manifest in read_cohort(Path(cohort), folder.checkpoints).items()
    }
    checkpoints = pd.DataFrame(
        row for name, run in runs.items() for row in checkpoint_rows(run, manifests[name])
    )
    missing = [
        row for name, run in runs.items() for row in missing_rows(run, read_run(manifests[name]))
    ]
    outcomes = [o for path in snakemake.input.perturbed for o in read_perturbed(Path(path))]
    missing += missing_variants(outcomes)
    for stage in ("geometry", "evaluation"):
        named = map(Path, snakemake.input[f"{stage}_quarantined"])
        missing += quarantined_rows(stage, read_all_quarantined(named))
    geometry = read_tables([Path(path) for path in snakemake.input.geometry])
    evaluation = read_tables([Path(path) for path in snakemake.input.evaluation])
    own = {metric.name: metric.meaning for metric in spec.metrics}
    tables = {
        "checkpoints": (checkpoints, CHECKPOINTS),
        "geometry": (geometry, geometry_table(own)),
        "evaluation": (evaluation, EVALUATION),
        "observations": (observations(checkpoints, geometry, evaluation), observations_table(own)),
        "missing": (missing, MISSING),
        "anomalies": (anomalies(checkpoints, evaluation), ANOMALIES),
    }
    for name, (rows, table) in tables.items():
        write_table(rows, table, Path(snakemake.output[name]))
