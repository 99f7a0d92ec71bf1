"""Run all checks of a study in parallel."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from disentangle.audit.checks import Check, checks_of
from disentangle.audit.fault import Fault
from disentangle.outputs import READERS
from disentangle.storage import read_json

ARCHIVE_FACTS = Path("archive.json")
"""File of an unpacked archive that lists, among other things, what was left out of it."""


@dataclass(frozen=True)
class Audit:
    """What an audit found."""

    faults: list[Fault]
    counts: dict[str, int]
    """Number of checked files, by kind."""

    @property
    def counted(self) -> str:
        """The counts, for readers."""
        return ", ".join(f"{many} {kind}" for kind, many in self.counts.items())


def audit(results: Path) -> Audit:
    """Check every file of a study that has a recorded hash or a checksum.

    Args:
        results: the study's folder, relative to where the workflow runs.
    """
    checks = list(checks_of(results))
    with ThreadPoolExecutor(READERS) as pool:
        found = [fault for faults in pool.map(_look, checks) for fault in faults]
    left_out = _left_out()
    faults = [f for f in found if f.kind == "damaged" or f.path.as_posix() not in left_out]
    # a fault of a checkpoint that two jobs name is listed once
    return Audit(list(dict.fromkeys(faults)), dict(Counter(check.kind for check in checks)))


def _look(check: Check) -> list[Fault]:
    return list(check.look())


def _left_out() -> set[str]:
    facts = read_json(ARCHIVE_FACTS) if ARCHIVE_FACTS.is_file() else {}
    return set(facts.get("left_out", ())) if isinstance(facts, dict) else set()
