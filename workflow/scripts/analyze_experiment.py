"""Estimate what an experiment on W shows, and judge the causal claims."""

from pathlib import Path

from disentangle.job import job
from disentangle.observations.experiment import TABLES, analyze_experiment
from disentangle.study.specs.estimates import AnalyzeExperiment
from disentangle.tables.files import read_tables, write_table

with job("analyze_experiment", snakemake):
    spec = AnalyzeExperiment.read(snakemake.input.spec)
    surgery = [Path(path) for path in snakemake.input.surgery]
    found = analyze_experiment(
        read_tables([Path(snakemake.input.observations)]),
        settings=spec.settings,
        surgery=read_tables(surgery) if surgery else None,
    )
    for table in TABLES:
        write_table(getattr(found, table.name), table, Path(snakemake.output[table.name]))
