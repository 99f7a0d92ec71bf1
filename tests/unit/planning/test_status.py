"""The state of a study on a screen: what is done, what is damaged, what failed."""

from pathlib import Path
from typing import Any

import pytest

from disentangle.checkpoint.quarantine import Quarantined, write_quarantined
from disentangle.planning.status import status
from disentangle.study import StudyConfig, read_config
from disentangle.study.results_folder import StudyFolder

TRACE = "Traceback (most recent call last):\n  File 'a', line 1\n"


@pytest.fixture
def study(tiny_config: dict[str, Any]) -> StudyConfig:
    return read_config(tiny_config)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def log(folder: Path, name: str, error: str) -> None:
    path = folder / "logs" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TRACE + error)
    Path(f"{path}.record.json").touch()  # the job has ended


def test_a_study_that_is_not_begun(study: StudyConfig, tmp_path: Path) -> None:
    shown = status(study, StudyFolder(tmp_path))
    assert shown.startswith("tiny: 2 runs: 2 not begun\n")
    assert ["runs", "0", "2"] in rows(shown)
    assert ["checkpoints", "0", "6"] in rows(shown)
    assert "Tables: none yet" in shown
    for title in ("Quarantined", "At work", "Last errors", "Archive"):
        assert title not in shown


@pytest.mark.parametrize("width", [80, 120])
def test_failures_and_what_is_quarantined_fit_the_screen(
    study: StudyConfig, tmp_path: Path, width: int
) -> None:
    log(tmp_path, "pretrain/a", "disentangle.errors.StudyError: the text is too short: 3 tokens\n")
    log(tmp_path, "quantize/b", "KeyboardInterrupt\n")
    log(tmp_path, "analyze", "ValueError: " + "long " * 60)
    (tmp_path / "geometry").mkdir()
    write_quarantined(
        [Quarantined("a", 4, "base", "model.safetensors was changed")],
        tmp_path / "geometry" / "a.quarantined.json",
    )
    shown = status(study, StudyFolder(tmp_path), width)
    assert all(len(line) <= width for line in shown.splitlines())
    assert shown.isascii()
    assert ["a", "4", "model.safetensors", "was", "changed"] in rows(shown)
    errors = " ".join(shown.partition("Last errors:")[2].split())
    assert "too short" in errors and "StudyError" not in errors
    assert errors.count("long") == 60  # no cell is cut
    assert "KeyboardInterrupt" not in shown  # somebody stopped it


def test_an_archive_is_named_with_its_checksum(study: StudyConfig, tmp_path: Path) -> None:
    archive = StudyFolder(tmp_path).archive
    archive.parent.mkdir()
    archive.touch()
    Path(f"{archive}.sha256").write_text("abc123  name\n")
    assert "SHA-256 abc123\n" in status(study, StudyFolder(tmp_path)) + "\n"
