"""Spectra of the gradients of every checkpoint of a cohort's runs."""

from pathlib import Path

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.cohort import read_cohort
from disentangle.geometry.gradients import gradients_code, measure_gradients
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.geometry import MeasureGradients
from disentangle.tables.files import write_table
from disentangle.tables.geometry import GRADIENTS

with job("gradients", snakemake) as say:
    spec = MeasureGradients.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    rows = [
        row
        for run in spec.runs
        for row in measure_gradients(
            run,
            manifests[run.name],
            batches=spec.batches,
            tokens=[Path(path) for path in snakemake.input.tokens],
            late_tokens=folder.late_tokens(run),
            cache=Cache(folder.cache("gradients")),
            code_version=gradients_code(),
            threads=snakemake.threads,
            say=say,
        )
    ]
    write_table(rows, GRADIENTS, Path(snakemake.output[0]))
