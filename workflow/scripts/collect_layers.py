"""Concatenate the layers tables of all runs."""

from pathlib import Path

from disentangle.job import job
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.geometry import LAYERS

with job("collect_layers", snakemake):
    rows = read_tables([Path(path) for path in snakemake.input.layers])
    write_table(rows, LAYERS, Path(snakemake.output[0]))
