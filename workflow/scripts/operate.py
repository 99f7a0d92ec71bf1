"""Do every operation of surgery to the last checkpoint of each of a cohort's runs."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.references import write_perturbed
from disentangle.corpus.documents import read_texts
from disentangle.job import about, job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.models import Operate

with job("operate", snakemake) as say:
    import torch

    from disentangle.perturbation.operate_run import operate_run, operating_code

    spec = Operate.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    torch.set_num_threads(snakemake.threads)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    # evaluation reads the first passages, so temperatures are fitted on those after them
    texts = read_texts(Path(snakemake.input.passages))[spec.passages_evaluated :]
    outcomes = [
        outcome
        for run in spec.runs
        for outcome in operate_run(
            run,
            spec.operations,
            sequences=spec.sequences,
            manifest=manifests[run.name],
            perturbed=folder.perturbed,
            texts=texts,
            code_version=operating_code(),
            say=about(run.name, say),
        )
    ]
    write_perturbed(outcomes, Path(snakemake.output[0]))
