"""A study: from `config.yaml` to runs, their checkpoints and their names.

Nothing here imports torch, pandas or olmo: Snakemake reads the Snakefile again in every cluster
job, so every job would spend time on the imports.
"""

from disentangle.study.config import StudyConfig
from disentangle.study.grid import expand
from disentangle.study.read import read_config
from disentangle.study.run import Run

__all__ = ["Run", "StudyConfig", "expand", "read_config"]
