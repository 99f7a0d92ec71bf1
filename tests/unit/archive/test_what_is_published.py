"""Tables of an archive are published with their hashes, and anything changed in them is found."""

import hashlib
import json
from pathlib import Path

import pytest
from an_archive import FILES, TABLE, graph, write

from disentangle.errors import StudyError
from disentangle.published.facts import read_facts
from disentangle.published.from_archive import main, publish_tables

ARCHIVED = {
    **FILES,
    "archive.json": json.dumps(
        {"study": "s", "config_files": ["config.yaml", "studies/s.yaml"], "commit": "c0ffee"}
    ).encode(),
    "results/s/specs/draw_figures/study.json": b'{"runs": []}',
    "results/s/specs/write_report/study.json": b'{"study": {}}',
}
KEPT = {
    "tables/scores.parquet",
    "specs/draw_figures/study.json",
    "specs/write_report/study.json",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path / "s.crate.zip", ARCHIVED)


def test_tables_and_specs_are_taken_with_their_hashes(archive: Path, tmp_path: Path) -> None:
    folder = publish_tables(archive, tmp_path / "published")
    facts = read_facts(folder)
    assert (facts.study, facts.commit, facts.study_files[-1]) == ("s", "c0ffee", "studies/s.yaml")
    assert facts.archive.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert facts.files.keys() == KEPT and not facts.left_out
    assert (folder / "tables/scores.parquet").read_bytes() == FILES[TABLE]
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {*KEPT, "published.json"}


def test_what_was_published_before_is_replaced(archive: Path, tmp_path: Path) -> None:
    old = tmp_path / "published/s/tables/old.parquet"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    assert read_facts(publish_tables(archive, tmp_path / "published")).files.keys() == KEPT
    assert not old.exists()


def test_a_table_of_measurements_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disentangle.published.from_archive.OF_MEASUREMENTS", ("scores",))
    folder = publish_tables(write(tmp_path / "s.crate.zip", ARCHIVED), tmp_path / "published")
    facts = read_facts(folder)
    assert facts.left_out["tables/scores.parquet"].bytes == len(FILES[TABLE])
    assert not (folder / "tables/scores.parquet").exists()


@pytest.mark.parametrize("fault", ["changed", "missing", "extra", "no facts", "nonsense"])
def test_a_fault_of_what_is_published_is_said(archive: Path, tmp_path: Path, fault: str) -> None:
    folder = publish_tables(archive, tmp_path / "published")
    table = folder / "tables/scores.parquet"
    said = {"changed": "its SHA-256 differs", "extra": "not named", "no facts": "does not exist"}
    if fault == "changed":
        table.write_bytes(table.read_bytes()[:-1] + b"!")
    elif fault == "missing":
        table.unlink()
    elif fault == "extra":
        table.with_name("more.parquet").write_bytes(b"")
    elif fault == "no facts":
        (folder / "published.json").unlink()
    else:
        (folder / "published.json").write_text('{"study": "../s"}')
        said["nonsense"] = "is damaged: study"
    with pytest.raises(StudyError, match=said.get(fault, fault)):
        read_facts(folder)


def test_a_damaged_archive_is_refused_and_nothing_is_changed(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = publish_tables(archive, tmp_path / "published")
    damaged = write(tmp_path / "bad.zip", {**ARCHIVED, TABLE: b"other rows"}, graph(ARCHIVED))
    with pytest.raises(StudyError, match=f"{TABLE}: changed"):
        publish_tables(damaged, tmp_path / "published")
    assert read_facts(whole).commit == "c0ffee"
    assert main([str(tmp_path / "none.zip")]) == 1
    assert "none.zip does not exist" in capsys.readouterr().err
