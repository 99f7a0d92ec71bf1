"""One corpus and one trained run for all unit tests."""

import hashlib
import shutil
import sys
from collections.abc import Callable
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


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache that the library reads instead of the user's."""
    import huggingface_hub.constants

    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def lay_out_repo(hub_cache: Path) -> Callable[[str, str, dict[str, bytes]], str]:
    """Puts a repository's files into the cache as branch main; gives the commit."""

    def lay_out(kind: str, repo: str, files: dict[str, bytes]) -> str:
        folder = hub_cache / f"{kind}s--{repo.replace('/', '--')}"
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        for name, data in files.items():
            blob = folder / "blobs" / hashlib.sha256(data).hexdigest()
            path = folder / "snapshots" / commit / name
            blob.parent.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(data)
            if not path.exists():
                path.symlink_to(blob)
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / "main").write_text(commit)
        return commit

    return lay_out
