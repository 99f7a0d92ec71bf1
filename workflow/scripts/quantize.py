"""Quantize the last checkpoint of each of a cohort's runs with GPTQ, at every bit width."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.references import write_perturbed
from disentangle.corpus.documents import read_texts
from disentangle.job import about, job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.models import Quantize

with job("quantize", snakemake) as say:
    import torch

    from disentangle.perturbation.quantize_run import quantize_run, quantizing_code

    spec = Quantize.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    torch.set_num_threads(snakemake.threads)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    # evaluation reads the first passages, so calibration reads those after them
    texts = read_texts(Path(snakemake.input.passages))[spec.passages_evaluated :]
    outcomes = [
        outcome
        for run in spec.runs
        for outcome in quantize_run(
            run,
            spec.settings,
            manifest=manifests[run.name],
            perturbed=folder.perturbed,
            texts=texts,
            code_version=quantizing_code(),
            say=about(run.name, say),
        )
    ]
    write_perturbed(outcomes, Path(snakemake.output[0]))
