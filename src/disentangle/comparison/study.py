"""A study as it is compared: its design and its tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from disentangle.errors import StudyError
from disentangle.storage import DamagedError, read_json
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.of_study import ONLY
from disentangle.tables.files import read_tables

NEEDED = ("claims", "claim_tests", "associations")
OPTIONAL = ("neighbours", "neighbour_tests", "regime", "checkpoints", "observations")


@dataclass(frozen=True)
class Compared:
    """A study that is compared."""

    name: str
    """As it is called on the page: its own name, or its folder if another has the same."""
    folder: Path
    design: dict[str, Any] | None
    """The study file with everything in it; None if it is not kept, as of an old study."""
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """A table; empty if the study has none."""
        return self.tables.get(name, pd.DataFrame())


def read_compared(names: Sequence[str]) -> list[Compared]:
    """Read studies.

    Args:
        names: names of studies, or their folders of results.

    Raises:
        StudyError: if a study has no tables yet or tables of another version, or is given twice.
    """
    folders = [_folder(name) for name in names]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise StudyError("A study is given twice; name different ones.")
    called = [folder.absolute().name for folder in folders]
    return [
        Compared(
            name if called.count(name) == 1 else str(folder),
            folder,
            _design(folder),
            _tables(folder),
        )
        for name, folder in zip(called, folders, strict=True)
    ]


def _folder(name: str) -> Path:
    folder = Path(name) if Path(name, "tables").is_dir() else Path("results", name)
    if not (folder / "tables").is_dir():
        raise StudyError(f"Study {name} not found: neither {name} nor {folder} has tables.")
    return folder


def _design(folder: Path) -> dict[str, Any] | None:
    """The study file as the spec of its report has it."""
    try:
        spec = read_json(StudyFolder(folder).spec("write_report", ONLY))
        design = spec["study"]
    except (OSError, DamagedError, KeyError, TypeError):
        return None
    return design if isinstance(design, dict) else None


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    found = {}
    for name in (*NEEDED, *OPTIONAL):
        path = StudyFolder(folder).table(name)
        if path.is_file():
            found[name] = read_tables([path])
        elif name in NEEDED:
            raise StudyError(f"{path} does not exist yet: make the study's report first.")
    return found
