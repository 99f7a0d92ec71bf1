"""Checkpoints that cannot be measured, and why."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from disentangle.storage import read_json, write_json


@dataclass(frozen=True)
class Quarantined:
    """A checkpoint, or a task of it, that is left out: the study goes on without."""

    run: str
    step: int
    variant: str
    reason: str
    task: str = ""
    """The one that it cannot be asked, if that is all; empty where nothing of it is measured."""


def write_quarantined(found: Iterable[Quarantined], path: Path) -> None:
    """Write what a job quarantined; an empty list if nothing."""
    write_json(path, [asdict(one) for one in found])


def read_quarantined(path: Path) -> list[Quarantined]:
    """Inverse of `write_quarantined`."""
    return [Quarantined(**one) for one in read_json(path)]


def read_all_quarantined(paths: Iterable[Path]) -> list[Quarantined]:
    """What several jobs quarantined."""
    return [one for path in paths for one in read_quarantined(path)]
