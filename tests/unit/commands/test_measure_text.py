"""`disentangle measure`: with text, and from a hub that is reached once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from somebody_elses import PASSAGES, pythia, save_model
from stand_in_hub import COMMIT, Repos, stand_in_hub
from transformers import OPTConfig

from disentangle import measure_model
from disentangle.commands.__main__ import main
from disentangle.job import OFFLINE, QUIET
from disentangle.vocabulary.metrics import METRICS


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command sets for its own process ends with each test."""
    for name, value in (QUIET | OFFLINE).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("theirs")
    save_model(folder, pythia())
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "passages.jsonl"
    path.write_text("".join(json.dumps({"text": passage}) + "\n" for passage in PASSAGES))
    return path


def test_one_table_on_screen_and_one_in_a_file(
    theirs: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        'def a_metric_of_mine_with_a_long_name(singular_values):\n    "Least."\n'
        "    return -1e-7 / 3 * len(singular_values)"
    )
    own = f"{tmp_path / 'mine.py'}:a_metric_of_mine_with_a_long_name"
    out = tmp_path / "out.parquet"
    given = ["--text", str(text), "--max-tokens", "8", "--metric", own, "--out", str(out)]
    assert main(["measure", str(theirs), *given]) == 0
    first, header, *lines, last = capsys.readouterr().out.splitlines()
    assert first == f"{theirs}: 30 passages of {text}, up to 8 tokens of each"
    assert last == f"{out}: W, H, Wproj, Wfisher, Wlogit"
    assert header.split() == ["W", "H", "Wproj", "Wfisher", "Wlogit"]
    assert max(map(len, [header, *lines])) <= 100
    expected = measure_model(theirs, PASSAGES, max_tokens=8).set_index("matrix")
    for name, line in zip(["rows", "dim", *(m.name for m in METRICS)], lines, strict=False):
        shown, *values = line.split()
        assert shown == name
        numbers = [float("nan" if value == "-" else value) for value in values]
        assert numbers == pytest.approx(expected[name].tolist(), rel=1e-5, nan_ok=True)
    assert lines[-1].split()[1] == "-4e-07"
    table = pd.read_parquet(out)
    assert list(table["matrix"]) == ["W", "H", "Wproj", "Wfisher", "Wlogit"]
    assert list(table["domain"]) == ["", text.name, "", text.name, text.name]
    assert set(table["run"]) == {str(theirs)}
    assert json.loads(table["numerics"][1])["max_tokens"] == 8
    for name in ("effective_rank", "effective_rank_centered"):
        assert table[name].tolist() == pytest.approx(expected[name].tolist(), rel=0, nan_ok=True)


def test_plain_text_is_parted_at_blank_lines(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("\n\n".join(PASSAGES))
    assert main(["measure", str(theirs), "--text", str(tmp_path / "a.txt")]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "30 passages of" in shown[0] and "up to 64 tokens" in shown[0]
    assert shown[2].split() == ["rows", "21", "30", "21", "20", "21"]


def test_what_is_missing_is_said_below(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = {"vocab_size": 32, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    narrow = OPTConfig(
        **shape, ffn_dim=16, word_embed_proj_dim=8, do_layer_norm_before=False,
        max_position_embeddings=64, pad_token_id=1, bos_token_id=2, eos_token_id=2,
    )  # fmt: skip
    save_model(tmp_path / "opt", narrow)
    assert main(["measure", str(tmp_path / "opt"), "--text", str(text)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].split() == ["W", "H", "Wlogit"]
    assert shown[-2].startswith("Wproj is not known: its head reads the output of Linear")
    assert shown[-1].startswith("Wfisher is not known: its head reads the output of Linear")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (["--text", "a.jsonl", "--matrices", "all"], "leave --tensor, --matrices and --plot out"),
        (["--text", "a.jsonl", "--tensor", "x"], "leave --tensor, --matrices and --plot out"),
        (["--max-tokens", "8"], "--max-tokens says how much of each passage of --text"),
        (["--text", "absent.txt"], "There is no file absent.txt with passages."),
        (["--text", "a.jsonl"], "There is no own/er. For the model of that name on the Hugging"),
        (["--text", "a.jsonl", "--metric", "absent.py:f"], "absent.py"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    given: list[str],
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text('{"text": "a"}')
    assert main(["measure", "own/er", *given]) == 2
    assert fault in capsys.readouterr().err


def disentangle(folder: Path, *arguments: str, **environment: str):
    """The command in a process of its own, with a hub cache in a folder."""
    inherited = {key: value for key, value in os.environ.items() if key not in QUIET | OFFLINE}
    own = {"HF_HOME": str(folder / "hub"), "HF_HUB_DISABLE_XET": "1"} | environment
    return subprocess.run(
        [sys.executable, "-m", "disentangle.commands", "measure", *arguments],
        capture_output=True,
        text=True,
        env=inherited | own,
    )


@pytest.fixture(scope="module")
def repos(theirs: Path) -> Repos:
    """A model beside a pickle and code; one with a pickle alone."""
    files = {path.name: path.read_bytes() for path in theirs.iterdir()}
    further = {"pytorch_model.bin": b"a pickle", "own.py": b"raise SystemExit", "README.md": b"#"}
    pickled = {name: data for name, data in files.items() if not name.endswith(".safetensors")}
    return {
        "own/er": files | further | {"onnx/model.safetensors": b"another's"},
        "own/pickled": pickled | {"pytorch_model.bin": b"a pickle"},
        "own/gated": files,
    }


def test_a_repository_is_fetched_once_and_measured_offline_after(
    repos: Repos, theirs: Path, text: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    given = ["hf:own/er", "--text", str(text), "--out", str(out)]
    with stand_in_hub(repos) as address:
        done = disentangle(tmp_path, *given, HF_ENDPOINT=address)
    assert (done.returncode, done.stderr) == (0, ""), "no bar of progress either"
    snapshot = tmp_path / "hub" / "hub" / "models--own--er" / "snapshots" / COMMIT
    fetched = {path.name for path in snapshot.rglob("*") if path.is_file()}
    kept = {path.name for path in theirs.iterdir()}
    assert fetched == kept and "model.safetensors" in kept
    table = pd.read_parquet(out)
    assert set(table["run"]) == {f"hf:own/er@{COMMIT}"}
    expected = measure_model(theirs, PASSAGES)
    assert np.allclose(table["effective_rank"], expected["effective_rank"], rtol=1e-9)
    again = disentangle(tmp_path, *given, HF_ENDPOINT="http://127.0.0.1:9")  # nobody is there
    assert (again.returncode, again.stdout, again.stderr) == (0, done.stdout, "")


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("hf:own/pickled", ["own/pickled at main has no file like model*.safetensors"]),
        ("hf:own/gated", ["is gated", "agree to", "3. Run `disentangle measure hf:own/gated`"]),
    ],
)
def test_what_cannot_be_fetched_is_one_screen(
    name: str, needed: list[str], repos: Repos, tmp_path: Path
) -> None:
    with stand_in_hub(repos, gated=("own/gated",)) as address:
        refused = disentangle(tmp_path, name, HF_ENDPOINT=address)
    assert (refused.returncode, refused.stdout) == (2, "")
    for part in needed:
        assert part in refused.stderr
    assert len(refused.stderr.splitlines()) < 10 and "Traceback" not in refused.stderr
