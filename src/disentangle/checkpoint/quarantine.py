"""Checkpoints that cannot be measured, and why."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from disentangle.storage import read_json, write_json


@dataclass(frozen=True)
class Quarantined:
    """A checkpoint, or one of its tasks, that the study leaves out."""

    run: str
    step: int
    variant: str
    reason: str
    task: str = ""
    """The only task left out; empty if nothing of the checkpoint is measured."""


def write_quarantined(found: Iterable[Quarantined], path: Path) -> None:
    """Write the list of what a job quarantined; it may be empty."""
    write_json(path, [asdict(one) for one in found])


def read_quarantined(path: Path) -> list[Quarantined]:
    """Inverse of `write_quarantined`."""
    return [Quarantined(**one) for one in read_json(path)]


def read_all_quarantined(paths: Iterable[Path]) -> list[Quarantined]:
    """What several jobs quarantined."""
    return [one for path in paths for one in read_quarantined(path)]
