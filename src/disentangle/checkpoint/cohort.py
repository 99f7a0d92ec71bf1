"""The file that marks a cohort as trained: its runs, with the hashes of their manifests."""

from collections.abc import Iterable
from pathlib import Path

from disentangle.checkpoint.manifest import run_manifest
from disentangle.errors import StudyError
from disentangle.storage import read_json, sha256_of, write_json


def write_cohort(runs: Iterable[str], checkpoints: Path, path: Path) -> None:
    """Write the file that stands for a cohort's training.

    Args:
        runs: names of its trained runs.
        checkpoints: the folder of all runs.
        path: the JSON file to write: run to the SHA-256 of its manifest.
    """
    write_json(path, {run: sha256_of(run_manifest(checkpoints, run)) for run in runs})


def read_cohort(path: Path, checkpoints: Path) -> dict[str, Path]:
    """The manifests of a cohort's runs, by run.

    Raises:
        StudyError: if a manifest is missing or was changed since training.
    """
    manifests = {run: run_manifest(checkpoints, run) for run in read_json(path)}
    absent = [manifest for manifest in manifests.values() if not manifest.is_file()]
    for manifest in (*absent, *changed_manifests(path, checkpoints)):
        raise StudyError(
            f"{manifest} is missing or was changed since training ({path} has its hash).\n"
            f"Restore it, or delete {path}: training then makes only what is missing."
        )
    return manifests


def changed_manifests(path: Path, checkpoints: Path) -> list[Path]:
    """Existing manifests of a cohort's runs that were changed since training.

    Args:
        path: the file that stands for the cohort's training.
        checkpoints: the folder of all runs.
    """
    hashes = {run_manifest(checkpoints, run): sha256 for run, sha256 in read_json(path).items()}
    return [p for p, sha256 in hashes.items() if p.is_file() and sha256_of(p) != sha256]
