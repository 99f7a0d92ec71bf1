"""Check the files of a study's text before any job needs them."""

from collections.abc import Iterator
from pathlib import Path

from disentangle.corpus.patterns import matching_files
from disentangle.study.config import StudyConfig
from disentangle.study.sections.corpus import OF_FILES


def faults_of_text(study: StudyConfig, results: Path) -> list[str]:
    """Sources that match no file, and files that are both trained on and held out.

    Text that is already gathered no longer needs its files.

    Args:
        study: a checked study.
        results: the study's folder.
    """
    if study.observations:
        return []
    faults = []
    train: dict[Path, str] = {}
    gathered = not study.sizes or any(
        (results / name).exists() for name in ("corpus/train.parquet", "tokens/manifest.json")
    )
    for i, source in enumerate(study.corpus.train):
        files = set(_files_of(source))
        train |= dict.fromkeys(files, source)
        if source.startswith(OF_FILES) and not files and not gathered:
            faults.append(f"corpus.train[{i}]: {source} matches no file (seen from {Path.cwd()})")
    for domain, heldout in study.corpus.heldout.items():
        files = set(_files_of(heldout.source))
        where = f"corpus.heldout.{domain}.source: {heldout.source}"
        there = (results / f"corpus/heldout/{domain}.parquet").exists()
        if heldout.source.startswith(OF_FILES) and not files and not there:
            faults.append(f"{where} matches no file (seen from {Path.cwd()})")
        if study.sizes and (both := sorted(files & train.keys())):
            more = f" and {len(both) - 1} more" if len(both) > 1 else ""
            faults.append(f"{where}: {both[0]}{more} is trained on, too, by {train[both[0]]}")
    return faults


def _files_of(source: str) -> Iterator[Path]:
    """The files that a source names, with links resolved."""
    if source.startswith(OF_FILES):
        yield from (path.resolve() for path in matching_files(source.partition(":")[2]))
