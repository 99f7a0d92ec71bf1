"""A study is archived in one folder, and checked and gone on with in others."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tiny_study import BIN, ROOT, commit, git, register_a_model

from disentangle.storage import SEAL, digest, sha256_of

HOST, NODE, USER = "planted-host-7f3a", "planted-node-17", "planteduser"
SECRET = "planted-secret-9c1e"
PRETENDS = f"""
import socket
socket.gethostname = lambda: {HOST!r}
"""
RUN_2K = "2K_tok4k_bs8_wd0.1_lr1x_fin0.1_s0"
RUN_4K = "4K_tok4k_bs8_wd0.1_lr1x_fin0.1_s0"
ZIP = Path("results/tiny/archive/tiny.crate.zip")

Edit = Callable[[dict[str, bytes]], None]


def snakemake(
    folder: Path, *arguments: str, study: str | None = "tiny.yaml"
) -> subprocess.CompletedProcess[str]:
    """Run a folder's workflow by the folder's package, on a machine with planted names."""
    return subprocess.run(
        [
            *(str(BIN / "snakemake"), *arguments, "--nolock", "--cores", "2", "--quiet", "rules"),
            *(["--configfile", study] if study else []),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment(folder),
    )


def environment(folder: Path) -> dict[str, str]:
    planted = folder.parent / "planted"
    planted.mkdir(exist_ok=True)
    (planted / "sitecustomize.py").write_text(PRETENDS)
    return os.environ | {
        "PYTHONPATH": f"{folder / 'src'}:{planted}",
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(planted),
        "LOGNAME": USER,
        "A_TOKEN": SECRET,
    }


@pytest.fixture(scope="module")
def clone(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished study in a clone of the workflow; its logs name folder, host and user."""
    folder = tmp_path_factory.mktemp("there") / "clone"
    shutil.copytree(study, folder, copy_function=shutil.copy2)
    with (folder / "results/tiny/logs/collect.log").open("a") as log:
        log.write(
            f"{folder}/src/x.py {environment(folder)['HOME']}/y on {HOST} and {NODE} by {USER}\n"
        )
    with (folder / f"results/tiny/checkpoints/{RUN_2K}/starts.jsonl").open("a") as starts:
        starts.write(json.dumps({"time": "2026-01-01T00:00:00+00:00", "host": NODE}) + "\n")
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def archived(clone: Path) -> Path:
    """Its archive, with the weights of last checkpoints."""
    done = snakemake(clone, "archive")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return clone / ZIP


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def test_an_archive_checks_itself_with_python_alone(archived: Path, tmp_path: Path) -> None:
    folder = unpacked(archived, tmp_path / "out")
    command = [sys.executable, "-I", "-S", "verify.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={})
    assert done.returncode == 0, done.stdout
    manifests = [
        folder / f"results/tiny/checkpoints/{run}/manifest.json" for run in (RUN_2K, RUN_4K)
    ]
    first, second = (path.read_bytes() for path in manifests)
    manifests[0].write_bytes(second)
    manifests[1].write_bytes(first)
    (folder / "results/tiny/tables/noise.parquet").unlink()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={})
    assert done.returncode == 1
    for run in (RUN_2K, RUN_4K):
        assert f"results/tiny/checkpoints/{run}/manifest.json: changed" in done.stdout
    assert "results/tiny/tables/noise.parquet: missing" in done.stdout


def test_every_job_is_in_the_crate_as_others_read_it(
    clone: Path, archived: Path, tmp_path: Path
) -> None:
    folder = unpacked(archived, tmp_path / "out")
    report = subprocess.run(
        [str(BIN / "runcrate"), "report", str(folder)], capture_output=True, text=True, check=True
    ).stdout
    told = set(re.findall(r"^action: #job/(\S+)$", report, re.MULTILINE))
    logs = clone / "results/tiny/logs"
    jobs = {
        path.relative_to(logs).as_posix().removesuffix(".log.record.json")
        for path in logs.rglob("*.record.json")
    }
    assert told == jobs - {"archive"}
    metadata = json.loads((folder / "ro-crate-metadata.json").read_text())
    entities = {entity["@id"]: entity for entity in metadata["@graph"]}
    committed = git(clone, "rev-parse", "HEAD").strip()
    assert entities["Snakefile"]["version"] == committed
    trained = entities["#job/pretrain/2K_part1"]
    made = {one["@id"] for one in trained["result"]}
    weights = f"results/tiny/checkpoints/{RUN_2K}/step{{}}/model.safetensors"
    assert weights.format(16) in made  # in the archive
    assert f"#left-out/{weights.format(4)}" in made  # by its hash
    left_out = entities[f"#left-out/{weights.format(4)}"]
    assert left_out["sha256"] == sha256_of(clone / weights.format(4))
    assert not (folder / weights.format(4)).exists()
    record = json.loads((logs / "pretrain/2K_part1.log.record.json").read_text())
    assert (trained["startTime"], trained["endTime"]) == (record["began"], record["ended"])


def test_the_same_study_archived_again_is_the_same_bytes(clone: Path, archived: Path) -> None:
    before = archived.read_bytes()
    for path in (clone / "results/tiny").rglob("*.json"):
        os.utime(path, (path.stat().st_mtime,) * 2)
    os.utime(clone / "Snakefile")
    done = snakemake(clone, "archive", "--forcerun", "archive")
    assert done.returncode == 0, done.stderr[-2000:]
    assert archived.stat().st_mtime > (clone / "Snakefile").stat().st_mtime
    assert archived.read_bytes() == before


def test_no_machine_and_nobody_is_named(clone: Path, archived: Path) -> None:
    home = environment(clone)["HOME"]
    private = [str(clone), home, HOST, NODE, USER, SECRET, str(ROOT), str(Path.home()) + "/."]
    with zipfile.ZipFile(archived) as opened:
        log = opened.read("results/tiny/logs/collect.log").decode()
        assert "./src/x.py ~/y on host and host by user" in log
        for name in opened.namelist():
            data = opened.read(name)
            if name.endswith(".parquet"):
                table = pd.read_parquet(opened.open(name))
                data += table.to_csv().encode() + repr(table.attrs).encode()
            found = [word for word in private if word.encode() in data]
            assert not found, (name, found)


def test_a_workflow_that_is_not_as_committed_is_archived_only_if_told_to(
    clone: Path, archived: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(clone, folder, copy_function=shutil.copy2)
    with (folder / "workflow/scripts/collect.py").open("a") as script:
        script.write("# a comment of mine\n")
    (folder / "src/disentangle/mine.py").write_text("X = 1\n")
    refused = snakemake(folder, "archive")
    assert refused.returncode != 0
    for said in ("workflow/scripts/collect.py", "src/disentangle/mine.py", "allow_uncommitted"):
        assert said in refused.stderr
    assert not (folder / ZIP).exists()
    done = snakemake(folder, "archive", "--config", "allow_uncommitted=true")
    assert done.returncode == 0, done.stderr[-2000:]
    with zipfile.ZipFile(folder / ZIP) as opened:
        assert opened.read("workflow/scripts/collect.py").endswith(b"# a comment of mine\n")
        assert "src/disentangle/mine.py" in opened.namelist()
        facts = json.loads(opened.read("archive.json"))
        assert facts["uncommitted"] == ["src/disentangle/mine.py", "workflow/scripts/collect.py"]
        root = next(
            entity
            for entity in json.loads(opened.read("ro-crate-metadata.json"))["@graph"]
            if entity["@id"] == "./"
        )
        assert "uncommitted changes of: src/disentangle/mine.py" in root["description"]


def test_a_damaged_study_is_not_archived(clone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(clone, folder, copy_function=shutil.copy2)
    weights = folder / f"results/tiny/checkpoints/{RUN_2K}/step4/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    refused = snakemake(folder, "archive", "--forcerun", "archive")
    assert refused.returncode != 0
    name = weights.relative_to(folder).as_posix()
    assert f"{name}: damaged; its SHA-256 is not the one in its manifest" in refused.stderr


def edited(archive: Path, path: Path, edit: Edit) -> Path:
    """An archive in which somebody changed files, and their sizes and hashes alike."""
    with zipfile.ZipFile(archive) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    edit(files)
    for name, data in files.items():
        if name.endswith(".record.json"):
            record = json.loads(data)
            for output in record["sha256"].keys() & files.keys():
                record["sha256"][output] = hashlib.sha256(files[output]).hexdigest()
            files[name] = json.dumps(record).encode()
    metadata = json.loads(files["ro-crate-metadata.json"])
    for entity in metadata["@graph"]:
        if entity["@id"] in files and "sha256" in entity:
            data = files[entity["@id"]]
            entity |= {
                "sha256": hashlib.sha256(data).hexdigest(),
                "contentSize": str(len(data)),
            }
    files["ro-crate-metadata.json"] = json.dumps(metadata).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return path


@pytest.fixture(scope="module")
def elsewhere(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another clone, which has no results."""
    folder = tmp_path_factory.mktemp("elsewhere") / "clone"
    git(clone, "clone", "--quiet", str(clone), str(folder))
    assert not (folder / "results").exists()
    return folder


def verified(folder: Path, archive: Path) -> subprocess.CompletedProcess[str]:
    return snakemake(folder, "verify", "--config", f"archive={archive}", study=None)


def test_another_clone_computes_the_same_tables_again(elsewhere: Path, archived: Path) -> None:
    done = verified(elsewhere, archived)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "recomputed tables are identical, byte for byte" in done.stderr
    assert "redrawn figures and pages show the same" in done.stderr


def test_what_was_changed_with_its_hash_is_found_by_computing_again(
    elsewhere: Path, archived: Path, tmp_path: Path
) -> None:
    def edit(files: dict[str, bytes]) -> None:
        # a number in a table, and a stored measurement together with its own check sum
        name = "results/tiny/tables/associations.parquet"
        place = tmp_path / "table.parquet"
        place.write_bytes(files[name])
        table = pd.read_parquet(place)
        table.loc[0, "rho"] = 0.9
        table.to_parquet(place)
        files[name] = place.read_bytes()
        cell = next(
            name
            for name, data in sorted(files.items())
            if name.startswith("results/tiny/cache/geometry/")
            and "partition_isotropy" in json.loads(data)["value"]["measured"]
        )
        content = json.loads(files[cell])
        content["value"]["measured"]["partition_isotropy"] *= 1.01
        del content[SEAL]
        files[cell] = json.dumps(content | {SEAL: digest(content)}).encode()

    forged = edited(archived, tmp_path / "forged.zip", edit)
    done = verified(elsewhere, forged)
    assert done.returncode != 0
    assert "files are what the archive says" in done.stderr
    assert "tables/associations.parquet: row 0, rho: 0.9" in done.stderr
    assert "tables/geometry.parquet: row" in done.stderr and "partition_isotropy: " in done.stderr


def test_manifests_that_were_swapped_with_their_hashes_are_found(
    elsewhere: Path, archived: Path, tmp_path: Path
) -> None:
    swapped = [f"results/tiny/checkpoints/{run}/step4/manifest.json" for run in (RUN_2K, RUN_4K)]

    def edit(files: dict[str, bytes]) -> None:
        files[swapped[0]], files[swapped[1]] = files[swapped[1]], files[swapped[0]]

    done = verified(elsewhere, edited(archived, tmp_path / "forged.zip", edit))
    assert done.returncode != 0
    assert "has other weights than" in done.stderr and "step4/manifest.json" in done.stderr


def test_a_page_or_figure_changed_with_its_hash_is_found_by_making_it_again(
    elsewhere: Path, archived: Path, tmp_path: Path
) -> None:
    def edit(files: dict[str, bytes]) -> None:
        page = "results/tiny/report.html"
        assert b"undecided" in files[page]
        files[page] = files[page].replace(b"undecided", b"holds", 1)
        figure = "results/tiny/figures/rank_and_loss"
        shown = files[f"{figure}.svg"].replace(b"<use ", b'<use visibility="hidden" ', 1)
        files[f"{figure}.svg"] = shown
        files[f"{figure}.pdf"] = files["results/tiny/figures/associations.pdf"]

    forged = edited(archived, tmp_path / "forged.zip", edit)
    done = verified(elsewhere, forged)
    assert done.returncode != 0
    assert "recomputed tables are identical, byte for byte" in done.stderr
    assert "3 of " in done.stderr and "recomputed files differ from the archive" in done.stderr
    for name in ("report.html", "figures/rank_and_loss.svg", "figures/rank_and_loss.pdf"):
        assert f"results/tiny/{name}: " in done.stderr


def test_code_that_is_not_the_archives_is_said_to_decide_nothing(
    clone: Path, elsewhere: Path, archived: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "clone"
    shutil.copytree(elsewhere, folder)
    with (folder / "workflow/scripts/analyze.py").open("a") as script:
        script.write("print('later')\n")
    done = verified(folder, archived)
    assert done.returncode != 0
    assert "other code than this clone's" in done.stderr and "(analyze)" in done.stderr
    assert f"git checkout {git(clone, 'rev-parse', 'HEAD').strip()}" in done.stderr
    asked_for_nothing = snakemake(folder, "verify", study=None)
    assert asked_for_nothing.returncode != 0
    assert "Say which archive" in asked_for_nothing.stderr


def resumed(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `make resume` runs, without its installing."""
    run = (str(BIN / "snakemake"), "--nolock", "--cores", "2", "--quiet", "rules")
    return subprocess.run(
        [sys.executable, "-m", "disentangle.archive.resume", *run],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment(folder),
    )


def test_without_weights_it_is_finished_and_any_part_of_it_can_be_made_again(
    clone: Path, archived: Path, tmp_path: Path
) -> None:
    other = tmp_path / "there"
    shutil.copytree(clone, other, copy_function=shutil.copy2)
    done = snakemake(
        other, "archive", "--forcerun", "archive", "--config", "archive={weights: none}"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    folder = unpacked(other / ZIP, tmp_path / "out")
    assert not list(folder.rglob("*.safetensors"))
    untouched = resumed(folder)
    assert untouched.returncode == 0, untouched.stderr[-2000:]
    assert "Nothing to be done" in untouched.stdout + untouched.stderr

    shutil.rmtree(folder / f"results/tiny/checkpoints/{RUN_2K}")
    (folder / "results/tiny/tables/noise.parquet").unlink()
    again = resumed(folder)
    assert again.returncode == 0, again.stdout[-2000:] + again.stderr[-2000:]
    assert f"{RUN_2K}: retrained to the same weights" in again.stdout
    weights = {path.relative_to(folder) for path in folder.rglob("*.safetensors")}
    steps = (0, 4, 16)
    assert weights == {
        Path(f"results/tiny/checkpoints/{RUN_2K}/step{step}/model.safetensors") for step in steps
    }
    for path in weights:
        assert sha256_of(folder / path) == sha256_of(clone / path)
    for name in ("noise", "checkpoints", "evaluation", "associations"):
        path = f"results/tiny/tables/{name}.parquet"
        assert (folder / path).read_bytes() == (clone / path).read_bytes()
    assert "Nothing to be done" in (finished := resumed(folder)).stdout + finished.stderr

    trained = (folder / "results/tiny/logs/pretrain/4K_part1.log.record.json").stat().st_mtime_ns
    register_a_model(folder)
    done = snakemake(folder, "geometry", "evaluate")
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(pd.read_parquet(folder / "results/tiny/geometry/mine.parquet")) == 8
    assert set(pd.read_parquet(folder / "results/tiny/evaluation/mine.parquet")["step"]) == {7}
    records = folder / "results/tiny/logs/pretrain/4K_part1.log.record.json"
    assert records.stat().st_mtime_ns == trained, "what has no weights here is not trained for it"


def test_snakemakes_own_archive_and_report_work(clone: Path, tmp_path: Path) -> None:
    done = snakemake(clone, "--archive", str(tmp_path / "workflow.tar.gz"))
    assert done.returncode == 0, done.stderr[-2000:]
    listed = subprocess.run(
        ["tar", "tzf", str(tmp_path / "workflow.tar.gz")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {"Snakefile", "workflow/scripts/pretrain.py", "tiny.yaml"} <= set(listed)
    done = snakemake(clone, "--report", str(tmp_path / "report.html"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "measure_geometry" in (tmp_path / "report.html").read_text()


def test_a_metric_of_ones_own_is_archived_and_its_code_not_run(clone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(clone, folder, copy_function=shutil.copy2)
    (folder / "mine.py").write_text(
        "from pathlib import Path\n"
        f"Path({str(tmp_path / 'ran')!r}).touch()\n"
        "def largest(singular_values): return singular_values[0]\n"
    )
    content = yaml.safe_load((folder / "tiny.yaml").read_text())
    content["geometry"]["metrics"] = ["mine.py:largest"]
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    for target in ("all", "archive"):
        done = snakemake(folder, target)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    with zipfile.ZipFile(folder / ZIP) as opened:
        assert opened.read("mine.py") == (folder / "mine.py").read_bytes()

    def edit(files: dict[str, bytes]) -> None:  # so that it would have to be measured again
        damaged = {name: b"{}" for name in files if "/cache/geometry/" in name}
        files.update(damaged)

    done = verified(clone, edited(folder / ZIP, tmp_path / "x.crate.zip", edit))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "code of user-defined metrics is not run" in done.stderr
    assert not (tmp_path / "ran").exists()
