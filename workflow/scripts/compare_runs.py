"""What seeds and training choices change, and which metrics rank the runs alike."""

from pathlib import Path

from disentangle.job import job
from disentangle.statistics.compare import compare_runs
from disentangle.study.specs.estimates import CompareRuns
from disentangle.tables.estimated import AGREEMENT, EFFECTS, NOISE
from disentangle.tables.files import read_tables, write_table

with job("compare_runs", snakemake):
    spec = CompareRuns.read(snakemake.input.spec)
    agreement, effects, noise = compare_runs(
        read_tables([Path(snakemake.input.observations)]),
        spec.settings,
    )
    write_table(agreement, AGREEMENT, Path(snakemake.output.agreement))
    write_table(effects, EFFECTS, Path(snakemake.output.effects))
    write_table(noise, NOISE, Path(snakemake.output.noise))
