"""What the study will cost, and what of it is done."""

from pathlib import Path

from disentangle.job import job
from disentangle.study import Run
from disentangle.study.config import Execution
from disentangle.tables.files import write_table
from disentangle.tables.schemas import PLAN
from disentangle.training.plan import as_text, cost_of, plan_rows, strangers

with job("plan", snakemake.log[0]) as say:
    runs = [Run.from_json(data) for data in snakemake.params.runs]
    folder = Path(snakemake.params.folder)
    execution = Execution.model_validate(snakemake.params.execution)
    costs = [cost_of(run, folder / run.name) for run in runs]
    rows = plan_rows(
        costs,
        flops_per_second=execution.flops_per_second,
        keep_states=snakemake.params.keep_states,
    )
    write_table(rows, PLAN, Path(snakemake.params.table))
    say("\n" + as_text(rows, costs, strangers(runs, folder), execution.flops_per_second))
