"""What is wrong with one file of a study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """A file that is not what the study's results say of it."""

    path: Path
    kind: Literal["damaged", "missing"]
    what: str
    """What is wrong, as in "its SHA-256 is not its manifest's"."""
    remedy: str
    """What to do, as commands where that is possible."""

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}; {self.what}\n    {self.remedy}"
