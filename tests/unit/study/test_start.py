"""What starts of the workflow change, and what they leave when they only looked."""

import os
from pathlib import Path

import pytest

from disentangle.storage import read_json
from disentangle.study.specs.spec import AGAIN
from disentangle.study.specs.text import Tokenize
from disentangle.study.start import Start

SPECS = {"analyze": {"study": Tokenize(limit=1000)}, "pretrain": {"a": Tokenize(limit=1)}}
EDITED = {
    "analyze": {"study": Tokenize(limit=50)},
    "pretrain": {"a": Tokenize(limit=1), "b": Tokenize(limit=2)},
}
BEFORE, AFTER = (specs["analyze"]["study"].to_json() for specs in (SPECS, EDITED))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A study whose specs were written and followed."""
    start = begun(tmp_path)
    start.write_specs(SPECS)
    start.keep()
    start.end()
    for path in (tmp_path / "results").rglob("*.json"):
        os.utime(path, (1, 1))
    (tmp_path / "results" / "table.parquet").write_text("damaged")
    return tmp_path / "results"


def begun(folder: Path) -> Start:
    return Start(folder / "results", folder / ".notes")


def state(results: Path) -> dict[str, tuple[str, float]]:
    files = (path for path in results.rglob("*") if path.is_file())
    return {
        path.relative_to(results).as_posix(): (path.read_text(), path.stat().st_mtime)
        for path in files
    }


def looked(folder: Path) -> Start:
    start = begun(folder)
    start.write_specs(EDITED)
    start.set_aside(["table.parquet"])
    return start


def test_a_start_that_runs_no_job_leaves_everything_as_it_was(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    start = looked(tmp_path)
    assert read_json(results / "specs/analyze/study.json") == AFTER
    assert (results / "specs/pretrain/b.json").exists()
    assert not (results / "table.parquet").exists()
    start.end()
    assert state(results) == before


def test_a_first_look_leaves_no_folder(tmp_path: Path) -> None:
    start = begun(tmp_path)
    start.write_specs(SPECS)
    start.end()
    assert not (tmp_path / "results").exists()


def test_a_start_that_runs_jobs_keeps_its_changes(results: Path, tmp_path: Path) -> None:
    start = looked(tmp_path)
    start.keep()
    start.end()
    assert read_json(results / "specs/analyze/study.json") == AFTER
    assert (results / "damaged/table.parquet").read_text() == "damaged"
    assert not (results / "table.parquet").exists()
    unchanged = results / "specs/pretrain/a.json"
    assert unchanged.stat().st_mtime == 1, "a spec that did not change is no newer"


def test_of_two_looks_at_once_neither_takes_files_from_under_the_other(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    first, second = looked(tmp_path), looked(tmp_path)
    first.end()
    assert read_json(results / "specs/analyze/study.json") == AFTER
    assert (results / "specs/pretrain/b.json").exists()
    second.end()
    assert state(results) == before


def test_looks_at_two_edits_at_once_restore_what_was_before_both(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    first, second = looked(tmp_path), begun(tmp_path)
    second.write_specs(EDITED | {"analyze": {"study": Tokenize(limit=7)}})
    first.end()
    second.end()
    assert state(results) == before


def test_a_look_during_a_run_ends_without_taking_its_specs(results: Path, tmp_path: Path) -> None:
    look, run = looked(tmp_path), looked(tmp_path)
    run.keep()
    look.end()
    run.end()
    assert read_json(results / "specs/analyze/study.json") == AFTER
    assert (results / "specs/pretrain/b.json").exists()


def test_what_a_look_changed_during_a_run_goes_when_both_have_ended(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    run = begun(tmp_path)
    run.write_specs(SPECS)
    run.keep()
    look = looked(tmp_path)
    run.end()
    look.end()
    assert state(results) == before


def test_what_a_killed_look_left_is_restored_by_the_next_start(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    if (child := os.fork()) == 0:
        looked(tmp_path)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert state(results) != before
    begun(tmp_path).end()
    assert state(results) == before


def test_a_file_made_meanwhile_is_not_replaced_by_the_one_set_aside(
    results: Path, tmp_path: Path
) -> None:
    start = looked(tmp_path)
    (results / "table.parquet").write_text("sound")
    start.end()
    assert (results / "table.parquet").read_text() == "sound"


def test_a_job_that_is_to_run_again_has_a_newer_spec_with_the_same_task(
    results: Path, tmp_path: Path
) -> None:
    start = begun(tmp_path)
    start.write_specs(SPECS, again=[("analyze", ""), ("pretrain", "b")])
    spec = results / "specs/analyze/study.json"
    assert spec.stat().st_mtime > 1
    assert read_json(spec).keys() == {*BEFORE, AGAIN}
    assert (results / "specs/pretrain/a.json").stat().st_mtime == 1
    start.keep()
    start.end()
    os.utime(spec, (2, 2))
    start = begun(tmp_path)
    start.write_specs(SPECS)
    assert spec.stat().st_mtime == 2, "once more, and not ever after"
    start.end()


def test_a_damaged_spec_is_written_again(results: Path, tmp_path: Path) -> None:
    spec = results / "specs/analyze/study.json"
    for content in ("", "[1]", "{"):
        spec.write_text(content)
        start = begun(tmp_path)
        start.write_specs(SPECS)
        assert read_json(spec) == BEFORE
        start.keep()
        start.end()
