"""What an archive holds and what it refuses to hold."""

import copy
import os
import subprocess
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from disentangle.archive import code, privacy
from disentangle.archive.code import read_code
from disentangle.archive.contents import contents
from disentangle.archive.members import Member
from disentangle.archive.write import refuse_absolute_paths
from disentangle.archive.zipped import write_zip
from disentangle.checkpoint.manifest import RunManifest
from disentangle.errors import StudyError
from disentangle.study.read import read_config
from disentangle.study.sections.archive import Archive


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A study's folder with one of everything."""
    folder = tmp_path / "results" / "s"
    steps = [f"checkpoints/a/step{step}/model.safetensors" for step in (0, 9, 16)]
    put(folder, *steps, "perturbed/a/gptq-3bit/step16/model.safetensors", "tables/noise.parquet")
    put(folder, "corpus/train.parquet", "corpus/heldout/id.parquet", "tokens/train.bin")
    put(folder, "tokens/manifest.json", "tokenizer/tokenizer.json", "logs/pretrain/a.log")
    run = RunManifest("a", "complete", 16, {}, {0: "", 9: "", 16: ""}, {})
    run.write(folder / "checkpoints/a/manifest.json")
    put(folder, "checkpoints/a/trainer/step9-unsharded/optim.safetensors", "checkpoints/a/.held")
    put(folder, "checkpoints/a/.step16.making/config.json", "tables/.noise.parquet.1.tmp")
    put(folder, "archive/s.crate.zip", "tables/plan.parquet", "logs/plan.log", "logs/verify.log")
    put(folder, "logs/archive.log.record.json")
    return folder


NEVER = ("trainer", ".held", ".making", ".tmp", ".zip", "plan", "verify", "archive")


@pytest.mark.parametrize(
    ("weights", "steps"), [("none", set()), ("final", {16}), ("all", {0, 9, 16})]
)
def test_weights_go_in_by_choice_and_states_never(
    results: Path, weights: Any, steps: set[int]
) -> None:
    found = contents(results, Archive(weights=weights))
    there = {name for name in found.included if name.endswith("model.safetensors")}
    wanted = {f"checkpoints/a/step{step}/model.safetensors" for step in steps}
    if weights == "all":
        wanted.add("perturbed/a/gptq-3bit/step16/model.safetensors")
    assert there == wanted
    assert len([name for name in found.by_hash if "safetensors" in name]) == 4 - len(wanted)
    everything = [*found.included, *found.by_hash]
    assert not [name for name in everything if any(word in name for word in NEVER)]
    assert {"checkpoints/a/manifest.json", "tokens/train.bin"} <= set(found.included)


def test_text_goes_in_by_choice_and_its_recipe_always(results: Path) -> None:
    found = contents(results, Archive(corpus=False))
    text = {"corpus/train.parquet", "corpus/heldout/id.parquet", "tokens/train.bin"}
    assert text <= set(found.by_hash)
    assert {"tokens/manifest.json", "tokenizer/tokenizer.json"} <= set(found.included)


def test_names_of_the_machine_go_and_words_that_hold_them_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "vm")
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.chdir(tmp_path)
    log = f"{tmp_path}/a.py /home/anna/.cache /home/annabel llvm on vm: anna, annalen, vm.log"
    assert privacy.cleaned(log.encode()) == (
        b"./a.py ~/.cache /home/annabel llvm on host: user, annalen, host.log"
    )


def test_a_result_that_names_a_folder_is_refused_wherever_it_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    where = str(tmp_path).encode()
    at_an_edge = tmp_path / "edge.bin"
    at_an_edge.write_bytes(bytes((1 << 22) - 5) + where + b"/x")
    innocent = tmp_path / "innocent.bin"
    innocent.write_bytes(where + b"er/x")
    privacy.refuse_named_folders([("innocent.bin", innocent)])
    with pytest.raises(StudyError, match=r"edge\.bin") as refused:
        privacy.refuse_named_folders([("innocent.bin", innocent), ("edge.bin", at_an_edge)])
    assert "innocent" not in str(refused.value)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small workflow under git, whose package is the one that runs."""
    root = tmp_path / "workflow"
    put(root, "Snakefile", "src/disentangle/a.py", "config.yaml", ".gitignore")
    monkeypatch.setattr(code, "PACKAGE", root / "src" / "disentangle")
    for command in (
        ("init", "--quiet"),
        ("add", "--all"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "a"),
    ):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


def test_the_workflow_is_that_of_its_commit(repository: Path) -> None:
    put(repository, "notes.txt", "results/x")  # nothing that runs
    found = read_code(repository, [], allow_uncommitted=False)
    assert set(found.files) == {"Snakefile", "src/disentangle/a.py", "config.yaml", ".gitignore"}
    assert len(found.commit) == 40 and found.changes == []


@pytest.mark.parametrize("change", ["Snakefile", "src/disentangle/new.py"])
def test_what_is_not_committed_is_refused_or_said(repository: Path, change: str) -> None:
    (repository / change).write_bytes(b"changed")
    with pytest.raises(StudyError, match=f"(?s){change}.*allow_uncommitted"):
        read_code(repository, [], allow_uncommitted=False)
    found = read_code(repository, [], allow_uncommitted=True)
    assert found.changes == [change] and found.files[change] == b"changed"


def test_a_deleted_file_is_a_change_and_the_studys_own_files_are_none(repository: Path) -> None:
    (repository / "config.yaml").write_bytes(b"of the study")
    assert read_code(repository, ["config.yaml"], allow_uncommitted=False).changes == []
    (repository / "Snakefile").unlink()
    with pytest.raises(StudyError, match="Snakefile"):
        read_code(repository, ["config.yaml"], allow_uncommitted=False)


def test_without_a_commit_or_with_another_package_there_is_no_archive(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "bare"
    put(bare, "Snakefile")
    with pytest.raises(StudyError, match="is not part of the workflow"):
        read_code(bare, [], allow_uncommitted=True)
    monkeypatch.setattr(code, "PACKAGE", bare / "src")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(StudyError, match="git init"):
        read_code(bare, [], allow_uncommitted=True)


def test_a_zip_follows_from_its_files_alone(tmp_path: Path) -> None:
    table = tmp_path / "a.parquet"
    table.write_bytes(b"PAR1" * 1000)
    members = [Member.of("b.json", b"{}" * 1000), Member.of("a.parquet", table)]
    date = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
    write_zip(tmp_path / "1.zip", members, date)
    os.utime(table, (1, 1))
    table.chmod(0o600)
    write_zip(tmp_path / "2.zip", reversed(members), date)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert archive.namelist() == ["a.parquet", "b.json"]
        assert {info.date_time for info in archive.infolist()} == {(2026, 1, 2, 3, 4, 6)}
        stored, deflated = archive.infolist()
    assert stored.compress_size == 4000 and deflated.compress_size < 100


def test_a_file_that_changes_meanwhile_leaves_no_archive(tmp_path: Path) -> None:
    table = tmp_path / "a.parquet"
    table.write_bytes(b"before")
    member = Member.of("a.parquet", table)
    table.write_bytes(b"after.")
    with pytest.raises(StudyError, match=r"a\.parquet changed"):
        write_zip(tmp_path / "a.zip", [member], datetime.now(UTC))
    assert not (tmp_path / "a.zip").exists()
    assert asdict(member)["size"] == 6


HELDOUT = {domain: {"source": "stdlib-python"} for domain in ("ood", "code")}
HELDOUT["id"] = {"source": "text:~/t/*"}


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("corpus.train[0]", {"corpus": {"train": ["jsonl:/data/*.jsonl"]}}),
        ("corpus.heldout.id.source", {"corpus": {"heldout": HELDOUT}}),
        ("checkpoints.m.source", {"checkpoints": {"m": {"source": "/m", "revisions": {1: "."}}}}),
        ("observations.file", {"observations": {"file": "/data/suite.csv"}}),
        ("observations.file", {"observations": {"file": "../suite.csv"}}),
    ],
)
def test_a_study_that_says_where_things_are_here_is_refused(
    sample_config: dict[str, Any], key: str, change: dict[str, Any]
) -> None:
    refuse_absolute_paths(read_config(sample_config))
    changed = copy.deepcopy(sample_config)
    for section, values in change.items():
        changed[section] = changed.get(section, {}) | values
    with pytest.raises(StudyError, match="into this folder") as refused:
        refuse_absolute_paths(read_config(changed))
    assert f"  {key}: " in str(refused.value)
