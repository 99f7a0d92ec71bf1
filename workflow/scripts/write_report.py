"""One page that opens offline, and what the study cost."""

from pathlib import Path

from disentangle.job import job
from disentangle.report import write_report
from disentangle.report.costs import gather_costs, jobs_on_gpu
from disentangle.storage import read_json
from disentangle.study.config import StudyConfig
from disentangle.study.run import read_design
from disentangle.tables.collected import COSTS
from disentangle.tables.files import read_tables, write_table

TABLES = (
    *("checkpoints", "geometry", "evaluation", "observations", "missing"),
    *("associations", "saturation", "claims", "claim_tests", "calibration"),
)

with job("write_report", snakemake.log[0]):
    tables = {name: read_tables([Path(snakemake.input[name])]) for name in TABLES}
    # of the text that was trained on, if the study trains
    leakage = read_tables([Path(snakemake.input.leakage)]) if snakemake.input.tokens else None
    tokens = read_json(Path(snakemake.input.tokens[0])) if snakemake.input.tokens else None
    measured = (tables[name] for name in ("checkpoints", "geometry", "evaluation"))
    on_gpu = jobs_on_gpu(*measured, snakemake.params.cohorts)
    costs = gather_costs(Path(snakemake.params.logs), on_gpu)
    write_table(costs, COSTS, Path(snakemake.output.costs))
    write_report(
        Path(snakemake.output.report),
        study=StudyConfig.model_validate(snakemake.params.study),
        runs=read_design(Path(snakemake.input.design)),
        corpus=tokens,
        leakage=leakage,
        tables=tables,
        costs=costs,
        figures={Path(path).stem: Path(path).read_text() for path in snakemake.input.figures},
    )
