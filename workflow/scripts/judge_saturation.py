"""Late rises of each run's loss, and whether its rank fell before."""

from pathlib import Path

from disentangle.job import job
from disentangle.statistics.saturation import judge_runs
from disentangle.study.specs.estimates import JudgeSaturation
from disentangle.tables.estimated import SATURATION
from disentangle.tables.files import read_tables, write_table

with job("judge_saturation", snakemake):
    spec = JudgeSaturation.read(snakemake.input.spec)
    rows = judge_runs(
        read_tables([Path(snakemake.input.observations)]),
        tolerance=spec.settings.tolerance,
        resamples=spec.settings.resamples,
        seed=spec.settings.seed,
    )
    write_table(rows, SATURATION, Path(snakemake.output[0]))
