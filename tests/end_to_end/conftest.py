"""The tiny study, finished once for all end-to-end tests."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tiny_study import ROOT, command, lay_out


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; tests copy it before they change anything."""
    folder = lay_out(tmp_path_factory.mktemp("study"))
    done = subprocess.run(command(), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study with the package in its folder, since some edits are of code."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    shutil.copytree(study, folder, copy_function=shutil.copy2)
    shutil.copytree(ROOT / "src", folder / "src", copy_function=shutil.copy2)
    return folder
