"""Held-out loss of every checkpoint of one run, and tasks of the last one."""

from pathlib import Path

from disentangle.checkpoint.cells import Cells
from disentangle.evaluation.measure import evaluate_run
from disentangle.job import job
from disentangle.study.config import Evaluation
from disentangle.tables.files import write_table
from disentangle.tables.schemas import EVALUATION

with job("evaluate", snakemake.log[0]) as say:
    rows = evaluate_run(
        Path(snakemake.input.manifest),
        heldout={domain: Path(snakemake.input[domain]) for domain in snakemake.params.domains},
        settings=Evaluation.model_validate(snakemake.params.settings),
        cells=Cells(Path(snakemake.params.cells)),
        code_version=snakemake.params.code,
        threads=snakemake.threads,
        say=say,
    )
    write_table(rows, EVALUATION, Path(snakemake.output[0]))
