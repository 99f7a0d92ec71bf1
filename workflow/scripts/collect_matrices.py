"""Concatenate the tables of matrices of all runs."""

from pathlib import Path

from disentangle.job import job
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.geometry import MATRICES

with job("collect_matrices", snakemake):
    rows = read_tables([Path(path) for path in snakemake.input.matrices])
    write_table(rows, MATRICES, Path(snakemake.output[0]))
