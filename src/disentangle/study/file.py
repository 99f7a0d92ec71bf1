"""Read study files, which are YAML mappings, and overlay them on the default one."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from disentangle.errors import StudyError
from disentangle.study.config import StudyConfig
from disentangle.study.read import read_config

LARGEST = 1 << 20
"""Largest size of a study file in bytes; a larger file must be something else."""


MERGE = "tag:yaml.org,2002:merge"
"""YAML's tag of the key <<."""


class _EachKeyOnce(yaml.SafeLoader):
    """Refuse repeated keys, of which YAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the superclass refuses it below
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {key!r} is there twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_mapping(file: Path) -> dict[str, Any]:
    """Read one study file.

    Raises:
        StudyError: if it does not exist, or is not a YAML mapping with each key once.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise StudyError(f"{file} is no study file: it has more than {LARGEST >> 20} MB")
        text = file.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=_EachKeyOnce)  # noqa: S506 (this is a safe loader too)
    except FileNotFoundError:
        raise StudyError(f"There is no study file {file} (seen from {Path.cwd()}).") from None
    except UnicodeDecodeError:
        raise StudyError(f"{file} is no study file: it is no text in UTF-8") from None
    except (OSError, yaml.YAMLError, RecursionError) as error:
        raise StudyError(f"{file} is no study file: {error}") from error
    if not isinstance(content, dict):
        raise StudyError(f"{file} is no study file: it must map keys to values")
    if unnamed := [key for key in content if not isinstance(key, str)]:
        raise StudyError(f"{file} is no study file: {unnamed[0]!r} is no name of a section")
    return content


def read_mappings(files: Sequence[Path]) -> dict[str, Any]:
    """Read study files, and overlay each on those before it.

    Raises:
        StudyError: as in `read_mapping`, and if a file has a mapping where an earlier one has a
            value, since the overlay would leave the value unchanged.
    """
    merged: dict[str, Any] = {}
    for file in files:
        content = read_mapping(file)
        for key, value in content.items():
            below = merged.get(key)
            if isinstance(value, dict) and below is not None and not isinstance(below, dict):
                raise StudyError(f"{file}: {key} must be one value, such as {below!r}")
        update_config(merged, content)
    return merged


def read_study(paths: Sequence[Path], base: Path = Path("config.yaml")) -> StudyConfig:
    """Read study files and overlay them on the default one, in order.

    Raises:
        StudyError: as in `read_mappings` and `read_config`.
    """
    merged = read_mappings([base, *paths])
    return read_config(merged, " + ".join(map(str, paths)) or str(base))
