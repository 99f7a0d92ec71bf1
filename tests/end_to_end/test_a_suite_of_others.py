"""A spreadsheet of somebody's own, through the workflow: the example of docs/observations.md."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tiny_study import BIN, ROOT, commit, lay_out

sys.path.insert(0, str(ROOT / "tests" / "unit" / "observations"))
from a_suite import MAPPING, suite

from disentangle.archive.verify import faults_of
from disentangle.observations import Analysis, adopt, analyze
from disentangle.storage import sha256_of
from disentangle.study.sections.observations import Reading
from disentangle.study.sections.statistics import Statistics

STATISTICS = {"resamples": 100, "calibration": {"studies": 50, "with_intervals": 20}}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "snakemake"), *arguments, "--cores", "2", "--configfile", "suite.yaml"]
    # its own package where it has one, as in a clone; else the one that is tested
    places = [str(folder / "src"), str(ROOT / "src")]
    own = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=own)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's table and study file in a clone, finished."""
    folder = lay_out(tmp_path_factory.mktemp("suite"))
    suite(effect=2).to_csv(folder / "suite.csv", index=False)
    study = {"study": "suite", "observations": MAPPING | {"file": "suite.csv"}}
    (folder / "suite.yaml").write_text(yaml.safe_dump(study | {"statistics": STATISTICS}))
    done = run(folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_the_documented_study_file_is_this_one() -> None:
    shown = (ROOT / "docs" / "observations.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", shown, flags=re.S)
    documented = yaml.safe_load(block)["observations"]
    assert documented["fixed"] == MAPPING["fixed"]
    assert Reading.model_validate(documented["columns"] and {"columns": documented["columns"]}) == (
        Reading.model_validate({"columns": MAPPING["columns"]})
    )


def test_the_table_goes_into_its_archive(folder: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(folder, clone, copy_function=shutil.copy2)
    commit(clone)
    done = run(clone, "archive")
    assert done.returncode == 0, done.stderr[-2000:]
    archive = clone / "results/suite/archive/suite.crate.zip"
    assert faults_of(archive) == []
    told = archive.with_name("suite.crate.zip.sha256").read_text()
    assert told == f"{sha256_of(archive)}  suite.crate.zip\n"
    assert sha256_of(archive) in done.stderr
    with zipfile.ZipFile(archive) as opened:
        assert opened.read("suite.csv") == (folder / "suite.csv").read_bytes()
    again = run(clone, "verify", "--config", f"archive={archive}")
    assert again.returncode == 0, again.stderr[-2000:]
    assert "13 recomputed tables are identical, byte for byte" in again.stderr


def test_what_is_planted_is_found_and_said(folder: Path) -> None:
    results = folder / "results" / "suite"
    (row,) = pd.read_parquet(results / "tables" / "associations.parquet").to_dict("records")
    assert row["residual_high"] < 0 and row["within_p"] < 0.05
    assert len(pd.read_parquet(results / "tables" / "claims.parquet")) == 12
    page = (results / "report.html").read_text()
    assert "Given how the models were trained: models with higher rank have lower loss." in page
    assert "Not known, hence not controlled for" in page
    told = re.sub(r"<(svg|script|style)\b.*?</\1>", "", page, flags=re.S)
    for absent in ("None", "nan", 'id="training"', 'id="text"'):
        assert absent not in told


def test_the_library_says_the_same_as_the_workflow(folder: Path) -> None:
    tables = folder / "results" / "suite" / "tables"
    observations = adopt(pd.read_csv(folder / "suite.csv"), Reading.model_validate(MAPPING))
    found = analyze(observations, settings=Statistics.model_validate(STATISTICS))
    for field in fields(Analysis):
        name = field.name
        written = pd.read_parquet(tables / f"{name}.parquet")
        pd.testing.assert_frame_equal(getattr(found, name), written)


def test_nothing_is_trained_and_a_second_run_does_nothing(folder: Path) -> None:
    assert "Nothing is trained" in run(folder, "plan").stderr
    assert "Nothing to be done" in run(folder).stderr


def test_a_fault_in_the_table_fits_a_screen_and_keeps_what_was_there(folder: Path) -> None:
    table = (folder / "suite.csv").read_text()
    (folder / "suite.csv").write_text(table.replace("14M-wd0.1-b32-1", "14M-wd0.1-b32-0"))
    done = run(folder, "--quiet", "rules")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "more than one row of run 14M-wd0.1-b32-0, step 1, variant base: rows 1, 2" in said
    ours = said[said.index("The observations have 2 faults") :].split("RuleException")[0]
    assert "Traceback" not in said and len(ours.splitlines()) < 10
    command = [str(BIN / "python"), "-m", "disentangle.planning.status", "suite.yaml"]
    state = subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
    assert state.startswith("suite: observations from suite.csv")
    assert "The observations have 2 faults" in state
    (folder / "suite.csv").unlink()
    done = run(folder, "-n")
    assert "there is no file suite.csv" in done.stdout + done.stderr
    (folder / "suite.csv").write_text(table)
    assert run(folder).returncode == 0
