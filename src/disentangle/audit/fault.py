"""What is wrong with one file of a study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """A file that differs from what the study's results record."""

    path: Path
    kind: Literal["damaged", "missing"]
    what: str
    """What is wrong, as in "its SHA-256 is not its manifest's"."""
    remedy: str
    """What to do, as commands if possible."""

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}; {self.what}\n    {self.remedy}"
