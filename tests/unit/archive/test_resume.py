"""What is missing of an unpacked archive is found, and what was trained again is compared."""

import os
from pathlib import Path
from typing import Any

import pytest
from an_archive import FILES, TABLE, graph, metadata

from disentangle.archive.resume import compare, prepare
from disentangle.checkpoint.manifest import CheckpointManifest, RunManifest
from disentangle.errors import StudyError
from disentangle.job_record import machine
from disentangle.storage import write_json

MADE = "2026-01-02T03:04:06.000+00:00"
ENVIRONMENT = {"device": "cpu", "threads": 1, "torch": "2.13.0"}


def unpack(folder: Path, more: dict[str, bytes]) -> None:
    files = FILES | more
    entities = graph(files)
    for entity in entities:
        if entity["@id"] == "./":
            entity["datePublished"] = MADE
    for name, data in {**files, "ro-crate-metadata.json": metadata(entities)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


CHECKPOINTS = {
    "results/s/checkpoints/a/manifest.json": b"{}",
    "results/s/checkpoints/a/step1/config.json": b"{}",
    "results/s/checkpoints/b/manifest.json": b"{}",
    "results/s/trained/part1.json": b'{"a": "", "b": ""}',
    "results/s/trained/part2.json": b'{"c": ""}',
    "results/s/perturbed/b/gptq-3bit/step1/manifest.json": b"{}",
    "results/s/quantized/part1.json": b'[{"run": "b", "variant": "gptq-3bit", "of_step": 1, '
    b'"step": 1, "weights_sha256": "", "reason": ""}]',
}


def test_what_is_whole_gets_one_time_and_what_was_changed_a_later_one(tmp_path: Path) -> None:
    unpack(tmp_path, CHECKPOINTS)
    (tmp_path / TABLE).write_bytes(b"changed")
    os.utime(tmp_path / TABLE, (0, 0))
    assert prepare(tmp_path) == ([], [])
    times = {name: (tmp_path / name).stat().st_mtime for name in (*FILES, *CHECKPOINTS)}
    changed = times.pop(TABLE)
    assert len(set(times.values())) == 1
    assert changed > next(iter(times.values()))


def test_a_run_that_lacks_a_file_is_cleared_and_no_other(tmp_path: Path) -> None:
    unpack(tmp_path, CHECKPOINTS)
    results = tmp_path / "results" / "s"
    (results / "checkpoints/a/step1/config.json").unlink()
    (tmp_path / TABLE).unlink()
    assert prepare(tmp_path) == (["a"], [TABLE])
    assert not (results / "checkpoints/a").exists()
    assert not (results / "trained/part1.json").exists()
    assert (results / "trained/part2.json").exists() and (results / "checkpoints/b").exists()


def test_a_perturbed_checkpoint_that_lacks_a_file_is_cleared(tmp_path: Path) -> None:
    unpack(tmp_path, CHECKPOINTS)
    results = tmp_path / "results" / "s"
    (results / "perturbed/b/gptq-3bit/step1/manifest.json").unlink()
    prepare(tmp_path)
    assert not (results / "quantized/part1.json").exists()
    assert (results / "trained/part1.json").exists()


def test_a_folder_that_is_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not an unpacked archive"):
        prepare(tmp_path)


def trained(folder: Path, sha256: str, loss: float, environment: dict[str, Any]) -> None:
    run = folder / "results/s/checkpoints/a"
    RunManifest("a", "complete", 4, {}, {4: sha256}, environment).write(run / "manifest.json")
    (run / "step4").mkdir(exist_ok=True)
    CheckpointManifest(
        **{"run": "a", "step": 4, "tokens": 1, "weights_sha256": sha256, "rows": 2, "dim": 2},
        **{"tied": False, "dtype": "float32", "train_loss": loss, "source": "", "code_version": ""},
        **{"probe_tokens": [1], "probe_loss": 3.0},
    ).write(run / "step4")


@pytest.mark.parametrize(
    ("sha256", "loss", "threads", "said"),
    [
        ("same", 2.0, 1, None),
        ("other", 2.01, 2, "threads: 1, here 2); their losses differ by at most 0.0100"),
        ("other", 2.01, 2, "within the tolerance"),
        ("other", 2.2, 2, "BEYOND the tolerance"),
        ("other", 2.01, 1, "on the same kind of machine, which should not happen"),
    ],
)
def test_a_run_is_held_against_the_archives(
    tmp_path: Path, sha256: str, loss: float, threads: int, said: str | None
) -> None:
    unpack(tmp_path, {})
    archived = {
        "checkpoints": {"4": {"weights_sha256": "same", "train_loss": 2.0, "probe_loss": 3.0}},
        "environment": ENVIRONMENT,
        "machine": machine(),
    }
    write_json(tmp_path / "archive.json", {"study": "s", "runs": {"a": archived}})
    (tmp_path / "results/s/checkpoints/a").mkdir(parents=True)
    trained(tmp_path, sha256, loss, ENVIRONMENT | {"threads": threads})
    lines = compare(tmp_path, again=[])
    if said is None:
        assert lines == []
        assert compare(tmp_path, ["a"]) == ["a: retrained to the same weights, all SHA-256 equal"]
    else:
        (line,) = lines
        assert said in line
