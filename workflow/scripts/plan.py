"""What the study will cost, and what of it is done."""

from disentangle.geometry.own_metric import read_own_metrics
from disentangle.job import job
from disentangle.planning.asking import Ask
from disentangle.planning.measuring import Results, evaluation_measurements, geometry_measurements
from disentangle.planning.screen import as_text
from disentangle.planning.training import cost_of, plan_rows, strangers
from disentangle.study.config import StudyConfig
from disentangle.study.folder import StudyFolder
from disentangle.study.jobs import Jobs
from disentangle.tables.collected import PLAN
from disentangle.tables.files import write_table

with job("plan", snakemake) as say:
    jobs = Jobs(StudyConfig.model_validate(snakemake.params.study))
    study, runs, external = jobs.study, list(jobs.runs.values()), list(jobs.external.values())
    results = Results(StudyFolder.of(study.study).path)
    costs = [
        cost_of(
            run, results.checkpoints / run.name, study.perturbation, results.folder / "perturbed"
        )
        for run in runs
    ]
    per_second = study.execution.flops_per_second
    rows = plan_rows(costs, flops_per_second=per_second, keep_states=study.save.trainer_state)
    cells = [
        geometry_measurements(
            [*runs, *external],
            results,
            domains=jobs.domains_of_h,
            max_tokens=study.geometry.representations.max_tokens,
            own=read_own_metrics(study.geometry.metrics),
        ),
        evaluation_measurements(
            runs,
            external,
            results,
            study.perturbation,
            domains=jobs.domains,
            settings=study.evaluation,
        ),
    ]
    write_table(rows, PLAN, results.folder / "tables" / "plan.parquet")
    unknown = strangers(runs, results.checkpoints)
    asks = [Ask(**ask) for ask in snakemake.params.asks]
    say("\n" + as_text(rows, costs, cells, jobs.counts, unknown, per_second, asks))
