"""Write the report, one page that opens offline, and the costs table."""

from pathlib import Path

from disentangle.job import job
from disentangle.report import write_report
from disentangle.report.costs import gather_costs, jobs_on_gpu
from disentangle.storage import read_json
from disentangle.study.grid import expand
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.report import WriteReport
from disentangle.tables.collect import quarantined_in_words
from disentangle.tables.collected import COSTS
from disentangle.tables.files import read_tables, write_table

MEASURED = ("checkpoints", "geometry", "evaluation")

with job("write_report", snakemake) as say:
    spec = WriteReport.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    given = snakemake.input
    tables = {name: read_tables([Path(given[name])]) for name in spec.tables}
    measured = [tables[name] for name in MEASURED if name in tables]
    on_gpu = jobs_on_gpu(*measured, spec.cohorts) if measured else set()
    costs = gather_costs(folder.logs, on_gpu)
    write_table(costs, COSTS, Path(snakemake.output.costs))
    write_report(
        Path(snakemake.output.report),
        study=spec.study,
        runs={run.name: run for run in expand(spec.study)},
        # the text that was trained on, if the study trains
        corpus=read_json(Path(given.tokens[0])) if given.tokens else None,
        leakage=tables.get("leakage"),
        # the table from elsewhere, if it does not
        source=read_json(Path(given.source[0])) if given.source else None,
        tables=tables,
        costs=costs,
        figures={Path(path).stem: Path(path).read_text() for path in given.figures},
    )
    if told := quarantined_in_words(tables["missing"]):
        say(told)
