"""Compute all tables of estimates from the observations."""

from pathlib import Path

from disentangle.job import job
from disentangle.observations.analyze import TABLES, analyze
from disentangle.study.specs.estimates import Analyze
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.passages import NO_PASSAGES, Passages

with job("analyze", snakemake):
    spec = Analyze.read(snakemake.input.spec)
    passages = [Path(path) for path in snakemake.input.passages]
    found = analyze(
        read_tables([Path(snakemake.input.observations)]),
        Passages(read_tables(passages)) if passages else NO_PASSAGES,
        settings=spec.settings,
        domains=spec.domains,
        finetuned=spec.finetuned,
    )
    for table in TABLES:
        write_table(getattr(found, table.name), table, Path(snakemake.output[table.name]))
