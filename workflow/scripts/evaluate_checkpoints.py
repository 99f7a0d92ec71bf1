"""Held-out loss of every checkpoint of a cohort's runs, and tasks of each run's last one."""

from pathlib import Path

from disentangle.checkpoint.cells import Cells
from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.quarantine import write_set_aside
from disentangle.checkpoint.subjects import perturbed_subjects, read_perturbed, trained_subjects
from disentangle.evaluation.measure import evaluate, evaluating_code
from disentangle.job import job
from disentangle.study.sections.measuring import Evaluation
from disentangle.tables.evaluation import EVALUATION
from disentangle.tables.files import write_table

with job("evaluate", snakemake) as say:
    manifests = read_cohort(Path(snakemake.input.trained), Path(snakemake.params.checkpoints))
    outcomes = [o for path in snakemake.input.perturbed for o in read_perturbed(Path(path))]
    rows, refused = evaluate(
        trained_subjects(manifests.values())
        + perturbed_subjects(outcomes, manifests, Path(snakemake.params.perturbed)),
        heldout={domain: Path(snakemake.input[domain]) for domain in snakemake.params.domains},
        settings=Evaluation.model_validate(snakemake.params.settings),
        cells=Cells(Path(snakemake.params.cells)),
        code_version=evaluating_code(),
        threads=snakemake.threads,
        say=say,
    )
    write_table(rows, EVALUATION, Path(snakemake.output.rows))
    write_set_aside(refused, Path(snakemake.output.refused))
