"""Concatenate the tables of gradients of all runs."""

from pathlib import Path

from disentangle.job import job
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.geometry import GRADIENTS

with job("collect_gradients", snakemake):
    rows = read_tables([Path(path) for path in snakemake.input.gradients])
    write_table(rows, GRADIENTS, Path(snakemake.output[0]))
