"""The tiny study, finished once for all end-to-end tests."""

import subprocess
from pathlib import Path

import pytest
from tiny_study import command, lay_out


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; tests copy it before they change anything."""
    folder = lay_out(tmp_path_factory.mktemp("study"))
    done = subprocess.run(command(), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder
