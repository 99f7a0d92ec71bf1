"""Collect the study's tables from its runs' manifests and measurements."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.quarantine import read_all_quarantined
from disentangle.checkpoint.references import read_perturbed
from disentangle.job import job
from disentangle.storage import read_json
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.tables import Collect
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.study_tables import study_tables


def given(name: str) -> list[Path]:
    """Files of all cohorts."""
    return [Path(path) for path in snakemake.input[name]]


with job("collect", snakemake):
    spec = Collect.read(snakemake.input.spec)
    checkpoints = StudyFolder.of_spec(snakemake.input.spec).checkpoints
    cohorts = [read_cohort(path, checkpoints) for path in given("trained")]
    tables = study_tables(
        (*spec.runs, *spec.external),
        {run: manifest for cohort in cohorts for run, manifest in cohort.items()},
        [outcome for path in given("perturbed") for outcome in read_perturbed(path)],
        geometry=read_tables(given("geometry")),
        evaluation=read_tables(given("evaluation")),
        passages=read_tables(given("passages")),
        quarantined={
            stage: read_all_quarantined(given(f"{stage}_quarantined"))
            for stage in ("geometry", "evaluation")
        },
        metrics=spec.metrics,
        text_tokens=read_json(given("tokens")[0])["tokens"] if given("tokens") else None,
    )
    for name, (rows, table) in tables.items():
        write_table(rows, table, Path(snakemake.output[name]))
