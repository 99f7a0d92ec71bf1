"""What starts of the workflow change, and what they leave when they only looked."""

import os
from pathlib import Path

import pytest

from disentangle.storage import read_json
from disentangle.study.start import AGAIN, Start

ORDERS = {"regress": {"study": {"resamples": 1000}}, "pretrain": {"a": {"runs": 1}}}
EDITED = {"regress": {"study": {"resamples": 50}}, "pretrain": {"a": {"runs": 1}, "b": {}}}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A study whose orders were written and followed."""
    start = begun(tmp_path)
    start.write_orders(ORDERS)
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
    start.write_orders(EDITED)
    start.set_aside(["table.parquet"])
    return start


def test_a_start_that_runs_no_job_leaves_everything_as_it_was(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    start = looked(tmp_path)
    assert read_json(results / "orders/regress/study.json") == {"resamples": 50}
    assert (results / "orders/pretrain/b.json").exists()
    assert not (results / "table.parquet").exists()
    start.end()
    assert state(results) == before


def test_a_first_look_leaves_no_folder(tmp_path: Path) -> None:
    start = begun(tmp_path)
    start.write_orders(ORDERS)
    start.end()
    assert not (tmp_path / "results").exists()


def test_a_start_that_runs_jobs_keeps_its_changes(results: Path, tmp_path: Path) -> None:
    start = looked(tmp_path)
    start.keep()
    start.end()
    assert read_json(results / "orders/regress/study.json") == {"resamples": 50}
    assert (results / "damaged/table.parquet").read_text() == "damaged"
    assert not (results / "table.parquet").exists()
    unchanged = results / "orders/pretrain/a.json"
    assert unchanged.stat().st_mtime == 1, "an order that did not change is no newer"


def test_of_two_looks_at_once_neither_takes_files_from_under_the_other(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    first, second = looked(tmp_path), looked(tmp_path)
    first.end()
    assert read_json(results / "orders/regress/study.json") == {"resamples": 50}
    assert (results / "orders/pretrain/b.json").exists()
    second.end()
    assert state(results) == before


def test_looks_at_two_edits_at_once_restore_what_was_before_both(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    first, second = looked(tmp_path), begun(tmp_path)
    second.write_orders(EDITED | {"regress": {"study": {"resamples": 7}}})
    first.end()
    second.end()
    assert state(results) == before


def test_a_look_during_a_run_ends_without_taking_its_orders(results: Path, tmp_path: Path) -> None:
    look, run = looked(tmp_path), looked(tmp_path)
    run.keep()
    look.end()
    run.end()
    assert read_json(results / "orders/regress/study.json") == {"resamples": 50}
    assert (results / "orders/pretrain/b.json").exists()


def test_what_a_look_changed_during_a_run_goes_when_both_have_ended(
    results: Path, tmp_path: Path
) -> None:
    before = state(results)
    run = begun(tmp_path)
    run.write_orders(ORDERS)
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


def test_a_job_that_is_to_run_again_has_a_newer_order_with_the_same_task(
    results: Path, tmp_path: Path
) -> None:
    start = begun(tmp_path)
    start.write_orders(ORDERS, again=[("regress", ""), ("pretrain", "b")])
    order = results / "orders/regress/study.json"
    assert order.stat().st_mtime > 1
    assert read_json(order).keys() == {"resamples", AGAIN}
    assert (results / "orders/pretrain/a.json").stat().st_mtime == 1
    start.keep()
    start.end()
    os.utime(order, (2, 2))
    start = begun(tmp_path)
    start.write_orders(ORDERS)
    assert order.stat().st_mtime == 2, "once more, and not ever after"
    start.end()


def test_a_damaged_order_is_written_again(results: Path, tmp_path: Path) -> None:
    order = results / "orders/regress/study.json"
    for content in ("", "[1]", "{"):
        order.write_text(content)
        start = begun(tmp_path)
        start.write_orders(ORDERS)
        assert read_json(order) == {"resamples": 1000}
        start.keep()
        start.end()
