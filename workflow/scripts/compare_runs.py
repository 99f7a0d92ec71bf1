"""What seeds and training choices change, and which metrics rank the runs alike."""

from pathlib import Path

from disentangle.job import job
from disentangle.statistics.compare import compare_runs
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.estimated import AGREEMENT, EFFECTS, NOISE
from disentangle.tables.files import read_tables, write_table

with job("compare_runs", snakemake):
    agreement, effects, noise = compare_runs(
        read_tables([Path(snakemake.input.observations)]),
        Statistics.model_validate(snakemake.params.settings),
    )
    write_table(agreement, AGREEMENT, Path(snakemake.output.agreement))
    write_table(effects, EFFECTS, Path(snakemake.output.effects))
    write_table(noise, NOISE, Path(snakemake.output.noise))
