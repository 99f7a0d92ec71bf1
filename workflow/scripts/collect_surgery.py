"""Make the table of surgery from spectra and losses."""

from pathlib import Path

from disentangle.job import job
from disentangle.study.specs.tables import CollectSurgery
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.passages import Passages
from disentangle.tables.surgery import SURGERY, surgery_rows

with job("collect_surgery", snakemake):
    spec = CollectSurgery.read(snakemake.input.spec)
    rows = surgery_rows(
        read_tables([Path(path) for path in snakemake.input.measured]),
        read_tables([Path(snakemake.input.evaluation)]),
        Passages(read_tables([Path(snakemake.input.passages)])),
        spec.runs,
        spec.domains,
    )
    write_table(rows, SURGERY, Path(snakemake.output[0]))
