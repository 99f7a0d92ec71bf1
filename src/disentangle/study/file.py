"""A study file laid over the default one, as the workflow reads it."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from snakemake.utils import update_config

from disentangle.errors import StudyError
from disentangle.study.config import StudyConfig
from disentangle.study.read import read_config


def read_study(paths: Sequence[Path], base: Path = Path("config.yaml")) -> StudyConfig:
    """Study files laid over the default one, in order.

    Raises:
        StudyError: if one is not there or is no YAML mapping, and as `read_config` does.
    """
    merged: dict[str, object] = {}
    for file in (base, *paths):
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise StudyError(f"{file}: {error}") from error
        if not isinstance(content, dict):
            raise StudyError(f"{file} is no study file: it must map keys to values")
        update_config(merged, content)
    return read_config(merged, " + ".join(map(str, paths)) or str(base))
