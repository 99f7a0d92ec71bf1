"""Checkpoints that were found unfit to be measured, and why."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from disentangle.storage import read_json, write_json


@dataclass(frozen=True)
class SetAside:
    """A checkpoint, or a task of it, that was refused: the study goes on without."""

    run: str
    step: int
    variant: str
    reason: str
    task: str = ""
    """The one that it cannot be asked, if that is all; empty where nothing of it is measured."""


def write_set_aside(found: Iterable[SetAside], path: Path) -> None:
    """Write what a job refused; an empty list if nothing."""
    write_json(path, [asdict(one) for one in found])


def read_set_aside(path: Path) -> list[SetAside]:
    """Inverse of `write_set_aside`."""
    return [SetAside(**one) for one in read_json(path)]


def read_all_set_aside(paths: Iterable[Path]) -> list[SetAside]:
    """What several jobs refused."""
    return [one for path in paths for one in read_set_aside(path)]
