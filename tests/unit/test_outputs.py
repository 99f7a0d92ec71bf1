"""Outputs are compared with what their jobs recorded of them."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from disentangle.checkpoint.cohort import write_cohort
from disentangle.job_record import record_of, write_record
from disentangle.outputs import damage_in_words, damaged_files, outputs_of, refuse_damaged
from disentangle.storage import DamagedError

RESULTS = Path("results/mine")
LONG_AGO = time.time() - 3600


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of two jobs, each with its record."""
    monkeypatch.chdir(tmp_path)
    made("collect", RESULTS / "tables/observations.parquet", b"observations")
    made("measure_geometry/2K", RESULTS / "geometry/2K.parquet", b"geometry of 2K")
    return tmp_path


def made(job: str, output: Path, content: bytes, status: int = 0) -> Path:
    """Leave what a job leaves, an hour ago: its output and its record."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(content)
    log = RESULTS / f"logs/{job}.log"
    given = SimpleNamespace(
        rule=job.split("/")[0], wildcards={}, params={}, input=[], output=[str(output)], threads=1
    )
    write_record(given, log, datetime.now(UTC), status)
    for path in (output, record_of(log)):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return log


def changed(path: Path) -> Path:
    path.write_bytes(path.read_bytes().replace(b"o", b"0", 1))
    os.utime(path, (LONG_AGO, LONG_AGO))  # not even its time tells
    return path


def test_sound_outputs_are_taken(study: Path) -> None:
    assert damaged_files(RESULTS) == {}
    refuse_damaged([RESULTS / "geometry/2K.parquet"], RESULTS / "logs/collect.log")


def test_a_changed_output_is_named_with_the_job_that_makes_it(study: Path) -> None:
    path = changed(RESULTS / "geometry/2K.parquet")
    assert damaged_files(RESULTS) == {"geometry/2K.parquet": ("measure_geometry", "2K")}
    shown = damage_in_words(damaged_files(RESULTS), RESULTS)
    assert "results/mine/geometry/2K.parquet, made by measure_geometry 2K" in shown
    with pytest.raises(DamagedError, match=r"2K\.parquet is damaged .* measure_geometry 2K"):
        refuse_damaged([path.absolute()], RESULTS / "logs/collect.log")


def test_a_job_looks_at_its_own_inputs_alone(study: Path) -> None:
    changed(RESULTS / "geometry/2K.parquet")
    refuse_damaged([RESULTS / "tables/observations.parquet"], RESULTS / "logs/analyze.log")


def test_what_is_absent_is_not_damaged(study: Path) -> None:
    (RESULTS / "geometry/2K.parquet").unlink()
    assert damaged_files(RESULTS) == {}


def test_what_a_job_is_making_again_is_not_damaged(study: Path) -> None:
    changed(RESULTS / "geometry/2K.parquet")
    record_of(RESULTS / "logs/measure_geometry/2K.log").unlink()  # as a job does that begins
    assert damaged_files(RESULTS) == {}


def test_nor_what_a_job_begins_to_make_while_its_hash_is_taken(study: Path) -> None:
    (before,) = (o for o in outputs_of(RESULTS / "logs") if o.job == ("measure_geometry", "2K"))
    changed(before.path)
    assert before.is_damaged()
    record_of(RESULTS / "logs/measure_geometry/2K.log").unlink()
    assert not before.is_damaged()


def test_a_damaged_record_sends_its_job_to_run_again(study: Path) -> None:
    changed(RESULTS / "geometry/2K.parquet")
    for content in ("", "{", "[]", '{"sha256": 3}'):
        record_of(RESULTS / "logs/collect.log").write_text(content)
        assert damaged_files(RESULTS) == {
            "geometry/2K.parquet": ("measure_geometry", "2K"),
            "logs/collect.log.record.json": ("collect", ""),
        }
        refuse_damaged([RESULTS / "tables/observations.parquet"], RESULTS / "logs/analyze.log")


def test_nothing_is_recorded_of_a_job_that_failed(study: Path) -> None:
    made("analyze", RESULTS / "tables/associations.parquet", b"half of it", status=1)
    changed(RESULTS / "tables/associations.parquet")
    assert damaged_files(RESULTS) == {}


def test_a_changed_manifest_of_a_run_sends_its_training_job_to_look(study: Path) -> None:
    manifest = RESULTS / "checkpoints/2K_s0/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("manifest of the run")
    trained = RESULTS / "trained/2K.json"
    trained.parent.mkdir()
    write_cohort(["2K_s0"], RESULTS / "checkpoints", trained)
    made("pretrain/2K", trained, trained.read_bytes())
    assert damaged_files(RESULTS) == {}
    changed(manifest)
    job = ("pretrain", "2K")
    expected = {"trained/2K.json": job, "checkpoints/2K_s0/manifest.json": job}
    assert damaged_files(RESULTS) == expected


def test_a_file_seen_too_early_on_a_shared_disk_is_looked_at_again(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of an earlier start is still seen; the new one comes while the job waits."""
    output = changed(RESULTS / "geometry/2K.parquet")
    os.utime(output)
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        made("measure_geometry/2K", output, output.read_bytes())

    monkeypatch.setattr("disentangle.outputs.time.sleep", sleep)
    refuse_damaged([output], RESULTS / "logs/collect.log")
    assert waited and 50 < waited[0] <= 60
