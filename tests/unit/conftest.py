"""One corpus and one trained run for all unit tests."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from trained import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, tiny_config: dict[str, Any]) -> Bench:
    """Real text, tokenised."""
    return Bench(tmp_path_factory.mktemp("bench"), tiny_config)


@pytest.fixture(scope="session")
def trained_run(bench: Bench) -> Path:
    """The folder of a run that was trained to its end; not to be written to."""
    from disentangle.training.pretrain import pretrain

    folder = bench.folder / "checkpoints" / bench.runs[0].name
    manifest = pretrain(bench.runs[0], **bench.arguments(folder))
    manifest.write(folder / "manifest.json")
    return folder


@pytest.fixture
def own_run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of the trained run, to break."""
    return Path(shutil.copytree(trained_run, tmp_path / trained_run.name))
