"""Whatever is done to an archive is found, by name, with Python alone."""

import json
import stat
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from an_archive import FILES, TABLE, file_entity, graph, write

from disentangle.archive import verify
from disentangle.archive.verify import PIECE, Source, UnusableError, faults_of


def run(path: Path) -> subprocess.CompletedProcess[str]:
    """As who has nothing but Python does: no site packages, no environment."""
    command = [sys.executable, "-I", "-S", verify.__file__, str(path)]
    return subprocess.run(command, capture_output=True, text=True, env={})


def test_a_whole_archive_has_no_fault_as_a_file_and_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    assert run(path).returncode == 0
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert run(tmp_path / "unpacked").returncode == 0
    (tmp_path / "unpacked" / "results" / "s" / "more.json").write_text("{}")
    told = run(tmp_path / "unpacked")
    assert told.returncode == 1
    assert "unpacked: one fault:\n  results/s/more.json: extra" in told.stdout


def changed(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.zip", FILES | {name: changed(FILES[name])}, graph())
    told = run(path)
    assert told.returncode == 1
    assert f"{name}: changed; its SHA-256 differs" in told.stdout


def test_a_bit_flipped_in_the_zip_itself_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(TABLE).header_offset
    data = bytearray(path.read_bytes())
    data[start + 30 + len(TABLE) + 3] ^= 1
    path.write_bytes(data)
    assert any(fault.startswith(TABLE) for fault in faults_of(path))


def test_missing_extra_and_grown_files_are_found(tmp_path: Path) -> None:
    fewer = {name: data for name, data in FILES.items() if name != TABLE}
    assert f"{TABLE}: missing" in faults_of(write(tmp_path / "a.zip", fewer, graph()))
    more = FILES | {"results/s/tables/more.parquet": b"x"}
    (fault,) = faults_of(write(tmp_path / "b.zip", more, graph()))
    assert fault.startswith("results/s/tables/more.parquet: extra")
    grown = FILES | {TABLE: FILES[TABLE] + b"x"}
    (fault,) = faults_of(write(tmp_path / "c.zip", grown, graph()))
    assert fault.startswith(f"{TABLE}: changed")


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "a/../../x", "/etc/x", "a//x", "./x", "a/./x", "C:/x", "a\\..\\x", "a/", "x\n"),
        *(TABLE.upper(), f"{TABLE}/x", "/".join("a" * 100)),
    ],
)
def test_a_name_that_is_unsafe_anywhere_is_found_before_anything_is_read(
    tmp_path: Path, name: str
) -> None:
    files = FILES | {name: b"x"}
    faults = faults_of(write(tmp_path / "a.zip", files))
    assert faults and all("sha" not in fault.lower() for fault in faults)
    assert run(tmp_path / "a.zip").returncode == 1


def test_a_name_that_is_there_twice_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    with pytest.warns(UserWarning), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(TABLE, "other")
    assert any("occurs twice" in fault for fault in faults_of(path))


def test_a_link_is_found_in_a_zip_and_in_a_folder(tmp_path: Path) -> None:
    def link(info: zipfile.ZipInfo) -> None:
        if info.filename == TABLE:
            info.external_attr = (stat.S_IFLNK | 0o777) << 16

    (fault,) = faults_of(write(tmp_path / "a.zip", change=link))
    assert "is a link" in fault
    with zipfile.ZipFile(write(tmp_path / "b.zip")) as archive:
        archive.extractall(tmp_path / "b")
    (tmp_path / "b" / TABLE).unlink()
    (tmp_path / "b" / TABLE).symlink_to("/etc/hostname")
    assert faults_of(tmp_path / "b") == [f"{TABLE!r}: is a link"]


def test_a_bomb_is_found_before_it_goes_off(tmp_path: Path) -> None:
    large = bytes(64 << 20)
    path = write(tmp_path / "a.zip", FILES | {TABLE: large})
    assert path.stat().st_size < 1 << 20
    (fault,) = faults_of(path)
    assert TABLE in fault and "a zip bomb" in fault


def test_a_bomb_that_lies_about_its_size_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", FILES | {TABLE: bytes(8 << 20)}, graph())
    data = path.read_bytes()
    size = (8 << 20).to_bytes(4, "little")
    assert data.count(size) == 2  # in front of the file, and in the directory
    path.write_bytes(data.replace(size, len(FILES[TABLE]).to_bytes(4, "little")))
    (fault,) = faults_of(path)
    assert fault.startswith(f"{TABLE}: changed")


def test_no_more_is_read_of_a_file_than_it_should_hold() -> None:
    endless = Source({"a": 3}, lambda name: BytesIO(bytes(10 * PIECE)))
    pieces = endless.pieces("a", PIECE + 1)
    assert len(next(pieces)) == PIECE
    with pytest.raises(UnusableError, match="more than"):
        next(pieces)


def test_files_that_share_bytes_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        entries[2].header_offset = entries[1].header_offset
        assert any("overlaps with" in fault for fault in verify.faults_of_entries(entries))


def entity_of(entities: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entity for entity in entities if entity["@id"] == name)


def test_an_entity_that_points_nowhere_is_found(tmp_path: Path) -> None:
    entities = graph()
    entity_of(entities, "#job/collect")["object"] = [{"@id": "#nothing"}]
    (fault,) = faults_of(write(tmp_path / "a.zip", entities=entities))
    assert fault == "#job/collect: points to #nothing, which is not described"


def test_a_result_without_a_job_and_a_job_without_its_tool_are_found(tmp_path: Path) -> None:
    entities = graph()
    action = entity_of(entities, "#job/collect")
    del action["result"]
    assert f"{TABLE}: a result that no job made" in faults_of(
        write(tmp_path / "a.zip", entities=entities)
    )
    action["result"] = {"@id": TABLE}
    del action["instrument"]
    (fault,) = faults_of(write(tmp_path / "b.zip", entities=entities))
    assert fault.startswith("#job/collect: an action without")


def test_a_job_that_made_other_than_its_record_says_is_found(tmp_path: Path) -> None:
    files = FILES | {"results/s/tables/b.parquet": b"b"}
    entities = graph(files)
    entity_of(entities, "#job/collect")["result"] = {"@id": "results/s/tables/b.parquet"}
    entities.append(
        {
            "@id": "#job/other",
            "@type": "CreateAction",
            "instrument": {"@id": "workflow/scripts/collect.py"},
            "result": {"@id": TABLE},
        }
    )
    (fault,) = faults_of(write(tmp_path / "a.zip", files, entities))
    assert TABLE in fault and "#job/collect does not" in fault


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"@graph": 1}', b'{"@graph": [{}]}', b'{"@graph": [1]}', b"[" * 100_000],
    ids=["empty", "half", "list", "number", "nameless", "no entity", "deep"],
)
def test_metadata_that_is_none_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ro-crate-metadata.json", content)
    (fault,) = faults_of(path)
    assert fault.startswith("ro-crate-metadata.json")


def test_an_entity_described_twice_is_found(tmp_path: Path) -> None:
    entities = [*graph(), file_entity(TABLE, b"other")]
    (fault,) = faults_of(write(tmp_path / "a.zip", entities=entities))
    assert "described twice" in fault


def test_what_is_no_zip_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK no zip")
    (fault,) = faults_of(path)
    assert "cannot be read" in fault
    (fault,) = faults_of(tmp_path / "absent.zip")
    assert "cannot be read" in fault


def rehashed(name: str, data: bytes, entities: list[dict[str, Any]] | None = None) -> list[Any]:
    """The description of an archive in which a file is another, and its hash with it."""
    found = [e for e in entities or graph() if e["@id"] != name]
    return [*found, file_entity(name, data)]


@pytest.mark.parametrize("place", ["before", "behind", "between", "comment"])
def test_bytes_that_belong_to_no_file_are_found(tmp_path: Path, place: str) -> None:
    path = write(tmp_path / "a.zip")
    data = path.read_bytes()
    if place == "before":
        path.write_bytes(b"#!/bin/sh" + data)
    elif place == "behind":
        path.write_bytes(data + b"more")
    elif place == "comment":
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = b"read me"
    else:
        with zipfile.ZipFile(path) as archive:
            start = archive.start_dir
        path.write_bytes(data[:start] + b"more" + data[start:])
    told = run(path)
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert "belong to no file" in told.stdout


def test_a_name_that_is_another_before_the_content_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"Snakefile", b"snakefile", 1))
    assert faults_of(path)


@pytest.mark.parametrize("kind", [5, None, {"a": 1}, [1, ["File"]]])
def test_a_kind_that_is_none_is_no_traceback(tmp_path: Path, kind: object) -> None:
    entities = graph()
    entity_of(entities, TABLE)["@type"] = kind
    told = run(write(tmp_path / "a.zip", entities=entities))
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert f"{TABLE}: extra" in told.stdout


@pytest.mark.parametrize("size", ["9" * 5000, "٣", "-1", "1e3", None, [3]])
def test_a_size_that_is_none_is_found(tmp_path: Path, size: object) -> None:
    entities = graph()
    entity_of(entities, TABLE)["contentSize"] = size
    told = run(write(tmp_path / "a.zip", entities=entities))
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert f"{TABLE}: is described without its size" in told.stdout


RECORD = "results/s/logs/collect.log.record.json"


@pytest.mark.parametrize(
    "content",
    [
        *(b"[]", b"null", b"3", b"{}", b'{"outputs": null}', b'{"outputs": 3}'),
        *(b'{"outputs": [3]}', b'{"outputs": [], "sha256": []}'),
    ],
)
def test_a_record_that_is_none_is_found(tmp_path: Path, content: bytes) -> None:
    files = FILES | {RECORD: content}
    told = run(write(tmp_path / "a.zip", files, rehashed(RECORD, content)))
    assert told.returncode == 1 and "Traceback" not in told.stderr
    assert RECORD in told.stdout


def test_an_output_that_is_not_as_its_job_left_it_is_found(tmp_path: Path) -> None:
    content = json.dumps({"outputs": [TABLE], "sha256": {TABLE: "0" * 64}}).encode()
    files = FILES | {RECORD: content}
    (fault,) = faults_of(write(tmp_path / "a.zip", files, rehashed(RECORD, content)))
    assert fault.startswith(f"{TABLE!r}: changed since its job made it")


CHECKPOINTS = "results/s/checkpoints/a/manifest.json"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"commit": "b"}, "commit 'b' differs"),
        ({"commit": "a", "left_out": {"w": {"sha256": "0"}}}, "about 'w', which was left out"),
        ({"commit": "a", "runs": {"b": {}}}, "names the run 'b'"),
        (
            {"commit": "a", "runs": {"a": {"checkpoints": {}}}},
            "contradicts the manifest of the run 'a'",
        ),
        (
            {"commit": "a", "runs": {"a": 3}, "left_out": 3},
            "contradicts the manifest of the run 'a'",
        ),
        ({"commit": "a", "runs": [], "left_out": []}, ""),
    ],
)
def test_facts_that_are_not_the_archives_are_found(
    tmp_path: Path, facts: dict[str, Any], said: str
) -> None:
    manifest = b'{"checkpoints": {"0": "cd"}}'
    content = json.dumps({"study": "s"} | facts).encode()
    files = FILES | {"archive.json": content, CHECKPOINTS: manifest}
    entities = graph(files)
    entity_of(entities, "Snakefile")["version"] = "a"
    entity_of(entities, "#job/collect")["result"] = [{"@id": TABLE}, {"@id": CHECKPOINTS}]
    faults = faults_of(write(tmp_path / "a.zip", files, entities))
    assert len(faults) == bool(said)
    assert all(said in fault for fault in faults)
