"""`disentangle measure`: a matrix of a file, the unembedding of a model, nothing that runs code."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from disentangle.commands.__main__ import main
from disentangle.geometry.of_matrix import measure_matrix
from disentangle.job import OFFLINE, QUIET


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command sets for its own process ends with each test."""
    for name, value in (QUIET | OFFLINE).items():
        monkeypatch.setenv(name, value)


M = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))


def saved(folder: Path, kind: str) -> Path:
    path = folder / f"m.{kind}"
    {
        "npy": lambda: np.save(path, M.numpy()),
        "npz": lambda: np.savez(path, m=M.numpy(), bias=np.ones(3)),
        "pt": lambda: torch.save({"m": M, "bias": torch.ones(3)}, path),
        "safetensors": lambda: save_file({"m": M, "bias": torch.ones(3)}, path),
    }[kind]()
    return path


@pytest.mark.parametrize("kind", ["npy", "npz", "pt", "safetensors"])
def test_the_only_matrix_of_a_file_is_measured(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", str(saved(tmp_path, kind))]) == 0
    shown = capsys.readouterr().out
    ours = measure_matrix(M, "m")
    assert shown.startswith("m: 30 x 6")
    (line,) = [line for line in shown.splitlines() if line.startswith("effective_rank ")]
    wanted = [ours["effective_rank"], ours["effective_rank_centered"]]
    assert [float(cell) for cell in line.split()[1:]] == pytest.approx(wanted, rel=1e-5)


def test_a_table_has_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        'def last(singular_values):\n    "Least."\n    return singular_values[-1]'
    )
    path = saved(tmp_path, "pt")
    given = ["--metric", "mine.py:last", "--out", "m.parquet", "--tensor", "m"]
    assert main(["measure", str(path), *given]) == 0
    (row,) = pd.read_parquet("m.parquet").to_dict("records")
    assert row["last"] == row["singular_values"][-1]
    assert row["effective_rank"] == measure_matrix(M, "m")["effective_rank"]


def test_a_models_unembedding_is_measured_without_its_padding(
    trained_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", str(trained_run / "step16")]) == 0
    assert "the unembedding: 400 x 8" in capsys.readouterr().out
    named = ["--tensor", "model.embed_tokens.weight"]
    assert main(["measure", str(trained_run / "step16"), *named]) == 0
    assert "model.embed_tokens.weight: 512 x 8" in capsys.readouterr().out


def test_somebody_elses_model_is_measured(trained_run: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((trained_run / "step16" / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "disentangle.commands", "measure", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), "no bar of progress either"
    assert "the unembedding: 400 x 8" in done.stdout


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("ran"),)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("absent.npy", [], "There is no"),
        ("two.npz", [], "say which matrix, --tensor NAME (or tensor=NAME); there are: a, b"),
        ("two.npz", ["--tensor", "c"], "has no tensor c; matrices are: a, b"),
        ("torn.npy", [], "cannot be read as tensors"),
        ("hostile.pt", [], "cannot be read as tensors"),
        ("hostile.npy", [], "cannot be read as tensors"),
        ("nan.npy", [], "1 NaN and 0 infinite"),
        ("run", [], "holds several checkpoints; name one: step0, step4"),
        (".", [], "cannot be measured: cannot be loaded as a causal language model"),
    ],
)
def test_what_cannot_be_measured_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    arguments: list[str],
    fault: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("two.npz", a=np.eye(2), b=np.eye(3))
    Path("torn.npy").write_bytes(b"\x93NUMPY")
    Path("hostile.pt").write_bytes(pickle.dumps(Hostile()))
    np.save("hostile.npy", np.array([Hostile()], dtype=object), allow_pickle=True)
    Path("run/step4").mkdir(parents=True)
    Path("run/step0").mkdir()
    np.save("nan.npy", np.array([[np.nan, 1.0]]))
    assert main(["measure", name, *arguments]) == 2
    assert fault in capsys.readouterr().err
    assert not Path("ran").exists()
