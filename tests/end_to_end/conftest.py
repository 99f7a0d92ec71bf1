"""The tiny study, finished once for all end-to-end tests."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest
from tiny_study import ROOT, command, lay_out


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Its folder; tests copy it before they change anything.

    The first of the processes that test makes it, with all cores, and each takes a copy.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    made = shared / "tiny_study"
    with (shared / "tiny_study.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.is_dir():
            making = lay_out(shared / "tiny_study_in_the_making")
            done = subprocess.run(command(), cwd=making, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
            making.rename(made)
    copy = tmp_path_factory.mktemp("study") / "study"
    shutil.copytree(made, copy, copy_function=shutil.copy2, symlinks=True)
    return copy


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study with the package in its folder, since some edits are of code."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    shutil.copytree(study, folder, copy_function=shutil.copy2)
    shutil.copytree(ROOT / "src", folder / "src", copy_function=shutil.copy2)
    return folder
