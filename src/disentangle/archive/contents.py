"""Which of a study's results go into its archive, and which are listed by hash only."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from disentangle.checkpoint.manifest import MANIFEST, WEIGHTS, read_run
from disentangle.study.sections.archive import Archive

OF_THE_RUN = {"plan", "archive", "verify"}
"""Jobs that report on the study and make no part of it."""

TEXT = (
    *("corpus/train.parquet", "corpus/heldout/*", "corpus/targets/*"),
    *("tokens/*.bin", "tokens/targets/*.bin"),
)
"""Results that contain the text used, which others wrote."""


@dataclass
class Contents:
    """Files of a study's folder, by their paths relative to it."""

    included: list[str] = field(default_factory=list)
    by_hash: list[str] = field(default_factory=list)
    """Left out by the study's settings: weights and text."""


def contents(folder: Path, wanted: Archive) -> Contents:
    """Sort a study's results into those included and those listed by hash.

    Always left out: trainer states, locks, unfinished files, and files that concern only the run
    on this machine (the plan, earlier archives).

    Args:
        folder: the study's results.
        wanted: the study's section.
    """
    found = Contents()
    keeps = set(_weights_kept(folder, wanted))
    text = {path for pattern in TEXT for path in folder.glob(pattern)}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or not _is_result(name):
            continue
        left_out = (path.name == WEIGHTS and path not in keeps) or (
            path in text and not wanted.corpus
        )
        (found.by_hash if left_out else found.included).append(name)
    return found


def _is_result(name: str) -> bool:
    parts = name.split("/")
    if any(part.startswith(".") for part in parts) or parts[0] == "archive":
        return False
    if parts[0] == "logs":
        return parts[1].split(".")[0] not in OF_THE_RUN
    if name == "tables/plan.parquet":
        return False
    return "trainer" not in parts[2:-1]


def _weights_kept(folder: Path, wanted: Archive) -> Iterator[Path]:
    if wanted.weights == "all":
        yield from folder.rglob(WEIGHTS)
    elif wanted.weights == "final":
        for path in folder.glob(f"checkpoints/*/{MANIFEST}"):
            if made := read_run(path).checkpoints:
                yield path.parent / f"step{max(made)}" / WEIGHTS
