"""Truncate and prune the last checkpoint of each of a cohort's runs, in every way of the study."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.references import write_perturbed
from disentangle.job import about, job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.models import Compress
from disentangle.tables.compression import LEFT
from disentangle.tables.files import write_table

with job("compress", snakemake) as say:
    import torch

    from disentangle.perturbation.compress_run import compress_run, compressing_code

    spec = Compress.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    torch.set_num_threads(snakemake.threads)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    outcomes, rows = [], []
    for run in spec.runs:
        made, left = compress_run(
            run,
            spec.compressions,
            manifest=manifests[run.name],
            perturbed=folder.perturbed,
            code_version=compressing_code(),
            say=about(run.name, say),
        )
        outcomes += made
        rows += left
    write_perturbed(outcomes, Path(snakemake.output.made))
    write_table(rows, LEFT, Path(snakemake.output.left))
