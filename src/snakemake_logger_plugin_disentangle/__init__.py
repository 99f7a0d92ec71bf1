"""Snakemake finds a logger by a package's name: `snakemake --logger disentangle` loads this one."""

from disentangle.progress.handler import LogHandler

__all__ = ["LogHandler"]
