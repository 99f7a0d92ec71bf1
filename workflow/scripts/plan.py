"""What the study will cost, and what of it is done."""

from pathlib import Path

from disentangle.job import job
from disentangle.planning.asking import Ask
from disentangle.planning.measuring import Results, evaluation_cells, geometry_cells
from disentangle.planning.screen import as_text
from disentangle.planning.training import cost_of, plan_rows, strangers
from disentangle.study.external import ExternalRun
from disentangle.study.run import Run
from disentangle.study.sections.execution import Execution
from disentangle.study.sections.measuring import Evaluation
from disentangle.study.sections.perturbation import Perturbation
from disentangle.tables.collected import PLAN
from disentangle.tables.files import write_table

with job("plan", snakemake) as say:
    given = snakemake.params
    runs = [Run.from_json(data) for data in given.runs]
    results = Results(Path(given.folder))
    execution = Execution.model_validate(given.execution)
    perturbation = Perturbation.model_validate(given.perturbation)
    costs = [
        cost_of(run, results.checkpoints / run.name, perturbation, results.folder / "perturbed")
        for run in runs
    ]
    rows = plan_rows(
        costs, flops_per_second=execution.flops_per_second, keep_states=given.keep_states
    )
    external = [ExternalRun.from_json(data) for data in given.external]
    cells = [
        geometry_cells([*runs, *external], results, **given.geometry),
        evaluation_cells(
            runs,
            external,
            results,
            perturbation,
            domains=given.domains,
            settings=Evaluation.model_validate(given.evaluation),
        ),
    ]
    write_table(rows, PLAN, results.folder / "tables" / "plan.parquet")
    unknown = strangers(runs, results.checkpoints)
    asks = [Ask(**ask) for ask in given.asks]
    per_second = execution.flops_per_second
    say("\n" + as_text(rows, costs, cells, given.jobs, unknown, per_second, asks))
