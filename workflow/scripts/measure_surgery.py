"""Measure W of a cohort's last checkpoints after every operation and recovery."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.references import read_perturbed
from disentangle.job import about, job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.geometry import MeasureSurgery
from disentangle.tables.files import write_table
from disentangle.tables.surgery import SPECTRA

with job("measure_surgery", snakemake) as say:
    import torch

    from disentangle.surgery.of_run import measure_surgery

    spec = MeasureSurgery.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    torch.set_num_threads(snakemake.threads)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    made = [
        outcome
        for path in (snakemake.input.operated, snakemake.input.recovered)
        for outcome in read_perturbed(Path(path))
    ]
    rows = [
        row
        for run in spec.runs
        for row in measure_surgery(
            run,
            spec.surgery,
            manifest=manifests[run.name],
            perturbed=folder.perturbed,
            outcomes={outcome.variant: outcome for outcome in made if outcome.run == run.name},
            say=about(run.name, say),
        )
    ]
    write_table(rows, SPECTRA, Path(snakemake.output[0]))
