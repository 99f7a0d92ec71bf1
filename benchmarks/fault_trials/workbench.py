"""The tiny study of the tests: laid out, finished, and compared with what it should be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from tiny_study import BIN, commit, fingerprints, lay_out  # noqa: E402 (found by the line before)

ARCHIVE = Path("results/tiny/archive/tiny.crate.zip")

__all__ = ["ARCHIVE", "BIN", "copied", "fingerprints", "finished", "new_study", "started"]


def new_study(folder: Path) -> Path:
    """A clone of the workflow with the tiny study, nothing of which is made."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lay_out(folder)
    commit(folder)
    return folder


def command(*arguments: str) -> list[str]:
    """A start of the workflow."""
    snakemake = [str(BIN / "snakemake"), *arguments, "--nolock", "--cores", "2"]
    return [*snakemake, "--quiet", "rules", "--configfile", "tiny.yaml"]


def environment(folder: Path) -> dict[str, str]:
    """In which the folder's own package is imported: an archive is of its clone."""
    return os.environ | {"PYTHONPATH": str(folder / "src")}


def started(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start the workflow and wait for it."""
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, env=environment(folder)
    )


def finished(folder: Path) -> Path:
    """The study, finished and archived; made once and then taken as it is."""
    if not (folder / ARCHIVE).is_file():
        new_study(folder)
        for target in ((), ("archive",)):
            done = started(folder, *target)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def copied(study: Path, folder: Path) -> Path:
    """A copy of a study, to break."""
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(study, folder, copy_function=shutil.copy2, symlinks=True))
