"""The library alone, in an environment of its own: other versions than the lock's, no extra.

DISENTANGLE_TEST_TORCH says which torch it takes, as pip is told: `torch==2.13.0`, say, where
another than the lock's would be a download of gigabytes.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "observations"))
from a_suite import MAPPING, suite

ROOT = Path(__file__).parents[2]
ASKED = Path(__file__).with_name("asked.py")
TORCH = os.environ.get("DISENTANGLE_TEST_TORCH", "torch==2.14.1")
OTHERS = ("numpy==2.4.6", "pandas==3.1.1", "scipy==1.16.3")
"""Majors or minors that the workflow's lock has not."""

TOLERANCE = 1e-9

LIKELIHOOD = 1e-6
"""Of what a search for the greatest likelihood finds: versions of SciPy stop at other points, and
where a likelihood is flat to its last digit (1e-16), the variance is fixed to about 1e-8."""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The source distribution of this tree, and the wheel that is built from it."""
    source = tmp_path_factory.mktemp("source")  # a build leaves files beside what it builds
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source)
    made = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", made, source]
    subprocess.run(build, check=True, capture_output=True)
    (sdist,), (wheel,) = made.glob("*.tar.gz"), made.glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def test_the_release_has_all_of_the_package_and_nothing_else(released: dict[str, Path]) -> None:
    package = ROOT / "src"
    kinds = {".py", ".html", ".css", ".js", ".md", ".typed"}
    files = {
        str(path.relative_to(package))
        for path in package.rglob("*")
        if path.suffix in kinds or path.name == "py.typed"
    }
    with ZipFile(released["wheel"]) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == files
    with tarfile.open(released["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {f"src/{name}" for name in files} <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names


@pytest.fixture(scope="module")
def clean(released: dict[str, Path]) -> Iterator[Path]:
    """The Python of an environment that has the wheel and nothing else; deleted at the end."""
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        wheel = released["wheel"]
        subprocess.run([*pip, "--no-compile", wheel, TORCH, *OTHERS], check=True)
        yield python


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A table of models, its mapping, a matrix and a model's folder, as `asked.py` takes them."""
    folder = tmp_path_factory.mktemp("things")
    suite(effect=0.5).to_csv(folder / "suite.csv", index=False)
    (folder / "mapping.json").write_text(json.dumps(MAPPING))
    M = np.random.default_rng(0).standard_normal((300, 40)) * np.linspace(0.1, 2, 40)
    np.save(folder / "matrix.npy", M)
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text('{"tie_word_embeddings": false}')
    save_file({"lm_head.weight": torch.from_numpy(M).bfloat16()}, model / "model.safetensors")
    names = ("suite.csv", "mapping.json", "matrix.npy", "model")
    return [str(folder / name) for name in names]


def answers(python: Path | str, things: list[str]) -> dict[str, Any]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if python == sys.executable:
        environment["PYTHONPATH"] = str(ROOT / "src")
    done = subprocess.run(
        [python, ASKED, *things],
        env=environment,
        cwd=ASKED.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def both(clean: Path, things: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the clean environment answers, and what this one does."""
    return answers(clean, things), answers(sys.executable, things)


def test_it_is_another_environment_without_the_extras(
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    theirs, ours = both
    same = {name for name, found in theirs["versions"].items() if found == ours["versions"][name]}
    same -= {"torch"} if torch.__version__.split("+")[0] == TORCH.split("==")[-1] else set()
    assert same == set()
    assert theirs["imported"] == []
    assert theirs["status"] == 0


@pytest.mark.parametrize("what", ["array", "file", "model"])
def test_a_matrix_has_the_same_metrics(
    both: tuple[dict[str, Any], dict[str, Any]], what: str
) -> None:
    theirs, ours = (answer[what] for answer in both)
    assert theirs.keys() == ours.keys()
    for name, value in ours.items():
        close = pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE, nan_ok=True)
        assert theirs[name] == close, name


def test_a_table_has_the_same_estimates_and_claims(
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    theirs, ours = (answer["tables"] for answer in both)
    assert theirs.keys() == ours.keys()
    assert len(ours["claims"]["claim"]) > 5
    for name, columns in ours.items():
        assert theirs[name].keys() == columns.keys()
        for column, values in columns.items():
            near = LIKELIHOOD if column.startswith("mixed_") else TOLERANCE
            pd.testing.assert_series_equal(
                pd.Series(theirs[name][column]),
                pd.Series(values),
                rtol=near,
                atol=near,
                obj=f"{name}.{column}",
            )


def test_the_installed_command_measures_a_matrix(clean: Path, things: list[str]) -> None:
    matrix = next(path for path in things if path.endswith(".npy"))
    done = subprocess.run(
        [clean.with_name("disentangle"), "measure", matrix], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "effective_rank  " in done.stdout


def test_the_extras_are_named_where_they_are_needed(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    said = subprocess.run(
        [clean.with_name("disentangle"), "measure", tmp_path], capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (2, "")
    assert "pip install 'disentangle[train]'" in said.stderr
