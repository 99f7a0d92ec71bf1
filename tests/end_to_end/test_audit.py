"""`make check`: every file of a finished study is compared with what is said of it."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny_study import BIN, lay_out

from disentangle.audit.audit import audit
from disentangle.parquet import read_parquet
from disentangle.storage import DamagedError

FILES = (
    "checkpoints/2K_*/step4/model.safetensors",
    "checkpoints/2K_*/step4/manifest.json",
    "checkpoints/2K_*/step4/tokenizer.json",
    "checkpoints/4K_*/manifest.json",
    "checkpoints/4K_*/identity.json",
    "checkpoints/4K_*/steps.jsonl",
    "checkpoints/4K_*/training.parquet",
    "perturbed/2K_*/gptq-3bit/step16/model.safetensors",
    "perturbed/2K_*/gptq-3bit/step16/manifest.json",
    "perturbed/2K_*/finetuned-code/manifest.json",
    "perturbed/4K_*/finetuned-code/step8/model.safetensors",
    "tables/observations.parquet",
    "tables/costs.parquet",
    "geometry/2K_part1.parquet",
    "evaluation/4K_part1.quarantined.json",
    "trained/2K_part1.json",
    "quantized/2K_part1.json",
    "tokens/train.bin",
    "tokens/manifest.json",
    "tokenizer/tokenizer.json",
    "corpus/heldout/id.parquet",
    "corpus/train.parquet",
    "figures/associations.svg",
    "report.html",
    "logs/analyze.log.record.json",
    "cache/geometry/*/*.json",
    "cache/evaluation/*/*.json",
)
"""One of every kind of file that something else depends on."""


def flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(changed) // 3] ^= 1
    return bytes(changed)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def reads_the_same(path: Path, content: bytes) -> bool:
    try:
        return bool(read_parquet(path).equals(pq.read_table(io.BytesIO(content))))
    except DamagedError:
        return False


@pytest.fixture(scope="module")
def copy(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audited") / "study"
    return Path(shutil.copytree(study, folder, symlinks=True))


@pytest.fixture
def results(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(copy)
    return Path("results/tiny")


def test_a_sound_study_has_no_fault(results: Path) -> None:
    found = audit(results)
    assert found.faults == []
    assert found.counts["checkpoints"] == 6 + 2 * 3, "as trained, and perturbed"
    assert found.counts["measurements"] == len(list(results.glob("cache/*/*/*.json")))
    assert found.counts["records"] == len(list(results.rglob("*.record.json")))


@pytest.mark.parametrize("change", [flipped, cut, lambda content: b""])
@pytest.mark.parametrize("pattern", FILES)
def test_one_changed_file_is_found(
    results: Path, pattern: str, change: Callable[[bytes], bytes]
) -> None:
    path = min(results.glob(pattern))
    content = path.read_bytes()
    if not content or (change is flipped and path.name.endswith(".record.json")):
        pytest.skip("nothing in it to change, or nothing that anybody relies on")
    path.write_bytes(change(content))
    try:
        if path.name == "training.parquet" and reads_the_same(path, content):
            pytest.skip("the byte is a statistic of a page, which no hash covers and nobody reads")
        faults = audit(results).faults
    finally:
        path.write_bytes(content)
    assert path in {fault.path for fault in faults}
    # a changed name in what stands for runs is also that of a run that is not there
    assert "damaged" in {fault.kind for fault in faults}
    assert all(fault.remedy for fault in faults)


def test_a_changed_column_name_of_a_training_table_is_found(results: Path) -> None:
    """The name is in the footer, which has no checksum."""
    path = min(results.glob("checkpoints/4K_*/training.parquet"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"gradient_norm", b"gradidnt_norm"))
    try:
        faults = audit(results).faults
    finally:
        path.write_bytes(content)
    assert path in {fault.path for fault in faults}


@pytest.mark.parametrize(
    "pattern", ["checkpoints/2K_*/step4/model.safetensors", "tables/claims.parquet"]
)
def test_a_deleted_file_is_missing(results: Path, pattern: str) -> None:
    path = min(results.glob(pattern))
    content = path.read_bytes()
    path.unlink()
    try:
        (fault,) = audit(results).faults
    finally:
        path.write_bytes(content)
    assert (fault.path, fault.kind) == (path, "missing")


def test_a_checkpoint_in_the_place_of_another_is_found(results: Path) -> None:
    (step4,) = results.glob("checkpoints/2K_*/step4")
    kept = shutil.copytree(step4, step4.with_name("kept"))
    shutil.rmtree(step4)
    shutil.copytree(step4.with_name("step16"), step4)
    try:
        faults = audit(results).faults
    finally:
        shutil.rmtree(step4)
        kept.rename(step4)
    assert [fault.path for fault in faults] == [step4 / "manifest.json"]
    assert "it has other weights than" in str(faults[0])


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "python"), "-m", "disentangle.audit", "tiny.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_what_it_says_is_what_mends_it(study: Path, copy: Path, tmp_path: Path) -> None:
    assert check(copy).returncode == 0
    folder = Path(shutil.copytree(copy, tmp_path / "study", symlinks=True))
    (weights,) = folder.glob("results/tiny/checkpoints/2K_*/step4/model.safetensors")
    weights.write_bytes(cut(weights.read_bytes()))
    done = check(folder)
    assert done.returncode == 1
    name = weights.relative_to(folder)
    assert f"{name}: damaged; its SHA-256 is not the one in its manifest" in done.stdout
    (remedy,) = [line for line in done.stdout.splitlines() if line.startswith("    rm -r ")]
    command = remedy.split(", and run the workflow")[0].split()
    subprocess.run(command, cwd=folder, check=True)
    snakemake = [str(BIN / "snakemake"), "train", "--cores", "1", "--configfile", "tiny.yaml"]
    subprocess.run(snakemake, cwd=folder, check=True, capture_output=True)
    original = study / name
    assert (folder / name).read_bytes() == original.read_bytes()


def test_of_a_study_that_was_not_begun_nothing_is_said(tmp_path: Path) -> None:
    done = check(lay_out(tmp_path))
    assert done.returncode == 2
    assert "nothing of this study was made yet" in done.stderr
