"""Files of a finished study that were damaged: the next start notices, and makes them again."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tiny_study import command, fingerprints

from disentangle.parquet import read_parquet
from disentangle.storage import DamagedError

TORN = (
    "trained/2K_part1.json",
    "quantized/4K_part1.json",
    "geometry/2K_part1.parquet",
    "evaluation/4K_part1.parquet",
    "evaluation/4K_part1.quarantined.json",
    "tables/associations.parquet",
    "tokenizer/tokenizer.json",
    "checkpoints/4K_*/manifest.json",
)
"""Cut to half of their length."""

CHANGED = (
    "tables/observations.parquet",
    "corpus/heldout/id.parquet",
    "tokens/train.bin",
    "finetuned/2K_part1.json",
    "report.html",
)
"""With one byte changed, in the middle."""

ENTRIES = 7
"""Measurements of every so many of which a digit is changed."""


def started(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True)


def damage(results: Path) -> set[str]:
    """Do all of that; give the names of the files."""
    for pattern in TORN:
        (path,) = results.glob(pattern)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for name in CHANGED:
        content = bytearray((results / name).read_bytes())
        content[len(content) // 2] ^= 1
        (results / name).write_bytes(content)
    torn = {path.relative_to(results).as_posix() for p in TORN for path in results.glob(p)}
    return torn | set(CHANGED)


def times_of_files(results: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in results.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def mended(study: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str], str]:
    """The damaged study after one start; what was damaged; what the start said."""
    folder = tmp_path_factory.mktemp("damaged") / "study"
    shutil.copytree(study, folder, copy_function=shutil.copy2, symlinks=True)
    names = damage(folder / "results" / "tiny")
    for path in sorted((folder / "results/tiny/cache").rglob("*.json"))[::ENTRIES]:
        path.write_text(path.read_text().replace("7", "8"))
    done = started(folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, names, done.stdout + done.stderr


def test_what_is_damaged_is_made_again_to_the_same_bytes(
    study: Path, mended: tuple[Path, set[str], str]
) -> None:
    folder, _, _ = mended
    assert fingerprints(folder) == fingerprints(study)
    for name in ("tokenizer/tokenizer.json", "tokens/train.bin", "trained/2K_part1.json"):
        made = folder / "results/tiny" / name
        assert made.read_bytes() == (study / "results/tiny" / name).read_bytes()


def test_the_start_names_every_file_and_keeps_it(mended: tuple[Path, set[str], str]) -> None:
    folder, names, shown = mended
    for name in names:
        assert f"results/tiny/{name}, made by " in shown
    kept = folder / "results/tiny/damaged"
    found = {p.relative_to(kept).as_posix() for p in kept.rglob("*") if p.is_file()}
    # together with what names the run whose manifest it was
    assert found == names | {"trained/4K_part1.json"}
    assert "Traceback" not in shown


def test_it_costs_no_training(mended: tuple[Path, set[str], str]) -> None:
    folder, _, _ = mended
    for starts in (folder / "results/tiny").rglob("starts.jsonl"):
        assert len(starts.read_text().splitlines()) == 1


def test_damaged_measurements_are_made_again(mended: tuple[Path, set[str], str]) -> None:
    folder, _, _ = mended
    logs = [path.read_text() for path in (folder / "results/tiny/logs").rglob("*.log")]
    assert any("it is measured again" in log for log in logs)


def test_then_there_is_nothing_to_do(mended: tuple[Path, set[str], str]) -> None:
    folder, _, _ = mended
    assert "Nothing to be done" in started(folder).stderr


def test_a_dry_run_says_what_is_damaged_and_leaves_it(study: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(study, tmp_path / "study", symlinks=True))
    results = folder / "results" / "tiny"
    table = results / "tables" / "regressions.parquet"
    table.write_bytes(table.read_bytes()[:-30])
    before = times_of_files(results)
    done = started(folder, "--dry-run")
    shown = done.stdout + done.stderr
    assert "regressions.parquet, made by analyze" in shown
    assert "Job stats" in shown and "write_report" in shown
    assert times_of_files(results) == before
    with pytest.raises(DamagedError):
        read_parquet(table)


def test_two_dry_runs_of_one_edited_study_at_once(study: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(study, tmp_path / "study", symlinks=True))
    text = (folder / "tiny.yaml").read_text()
    (folder / "tiny.yaml").write_text(text.replace("resamples: 100", "resamples: 200", 1))
    results = folder / "results" / "tiny"
    before = times_of_files(results)
    snakemake = command("--dry-run")[5:]  # without the lock that keeps runs apart
    both = [
        subprocess.Popen(snakemake, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    shown = [process.communicate()[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], shown
    counts = [text.split("Job stats:")[1].split("\n\n")[0] for text in shown]
    assert "analyze" in counts[0] and counts[0] == counts[1]
    assert times_of_files(results) == before
