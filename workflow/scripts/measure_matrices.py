"""Spectra of every matrix of every checkpoint of a cohort's runs."""

from pathlib import Path

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.cohort import read_cohort
from disentangle.geometry.every_matrix import measure_matrices, measuring_code
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.tables.files import write_table
from disentangle.tables.geometry import MATRICES

with job("matrices", snakemake) as say:
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    rows = [
        row
        for manifest in manifests.values()
        for row in measure_matrices(
            manifest,
            cache=Cache(folder.cache("matrices")),
            code_version=measuring_code(),
            threads=snakemake.threads,
            say=say,
        )
    ]
    write_table(rows, MATRICES, Path(snakemake.output[0]))
