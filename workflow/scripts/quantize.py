"""GPTQ of the last checkpoint of each of a cohort's runs, at every width."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.subjects import write_perturbed
from disentangle.corpus.documents import read_texts
from disentangle.job import about, job
from disentangle.study.run import Run
from disentangle.study.sections.perturbation import Perturbation

with job("quantize", snakemake) as say:
    import torch

    from disentangle.perturbation.quantize_run import quantize_run, quantizing_code

    torch.set_num_threads(snakemake.threads)
    manifests = read_cohort(Path(snakemake.input.trained), Path(snakemake.params.checkpoints))
    # evaluation reads the first passages, so calibration reads those after them
    texts = read_texts(Path(snakemake.input.passages))[snakemake.params.passages_evaluated :]
    outcomes = [
        outcome
        for run in map(Run.from_json, snakemake.params.runs)
        for outcome in quantize_run(
            run,
            Perturbation.model_validate(snakemake.params.settings).quantize,
            manifest=manifests[run.name],
            perturbed=Path(snakemake.params.perturbed),
            texts=texts,
            code_version=quantizing_code(),
            say=about(run.name, say),
        )
    ]
    write_perturbed(outcomes, Path(snakemake.output[0]))
