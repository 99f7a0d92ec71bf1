"""`disentangle measure --matrices all`: every matrix of a folder that this project did not make."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM

from disentangle import measure, measure_all
from disentangle.commands.__main__ import main
from disentangle.job import OFFLINE, QUIET


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command sets for its own process ends with each test."""
    for name, value in (QUIET | OFFLINE).items():
        monkeypatch.setenv(name, value)


def pythia(folder: Path, **saving: Any) -> GPTNeoXForCausalLM:
    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=90, hidden_size=24, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=40, max_position_embeddings=32,
    )  # fmt: skip
    model = GPTNeoXForCausalLM(config)
    model.save_pretrained(folder, **saving)
    return model


def test_screen_file_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = pythia(tmp_path / "m")
    out, plot = tmp_path / "all.parquet", tmp_path / "spectra.svg"
    given = ["--matrices", "all", "--out", str(out), "--plot", str(plot)]
    assert main(["measure", str(tmp_path / "m"), *given]) == 0
    table = pd.read_parquet(out)
    assert len(table) == 1 + 3 * (6 + 2 * 4)
    row = table[(table["matrix"] == "down") & (table["layer"] == 2)].iloc[0]
    weight = model.gpt_neox.layers[2].mlp.dense_4h_to_h.weight.detach()
    sigma = np.linalg.svd(weight.double().numpy(), compute_uv=False)
    assert row["singular_values"] == pytest.approx(sigma, rel=1e-9)
    assert row["effective_rank"] == pytest.approx(measure(weight)["effective_rank"], rel=1e-9)
    shown = capsys.readouterr().out.splitlines()
    assert shown[2].split() == ["layer", "q", "k", "v", "o", "up", "down", "OV", "QK"]
    expected = (
        100
        * table[(table["matrix"] == "OV") & (table["layer"] == 1)][
            "proportional_effective_rank"
        ].mean()
    )
    assert float(shown[4].split()[7]) == pytest.approx(expected, abs=0.05)
    assert plot.read_text().startswith("<?xml")


def test_shards_are_read_one_tensor_at_a_time(tmp_path: Path) -> None:
    pythia(tmp_path / "one")
    pythia(tmp_path / "many", max_shard_size="10kB")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 3
    one, many = measure_all(tmp_path / "one"), measure_all(str(tmp_path / "many"))
    pd.testing.assert_frame_equal(one, many)


def test_names_without_the_models_own(tmp_path: Path) -> None:
    """The files of the published GPT-2 have h.0 where its classes have transformer.h.0."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2))
    model.transformer.save_pretrained(tmp_path)
    assert "h.0.attn.c_attn.weight" in load_file(tmp_path / "model.safetensors")
    found = measure_all(tmp_path)
    row = found[(found["matrix"] == "v") & (found["layer"] == 1)].iloc[0]
    v = model.transformer.h[1].attn.c_attn.weight.detach()[:, 32:].T
    sigma = np.linalg.svd(v.double().numpy(), compute_uv=False)
    assert row["singular_values"] == pytest.approx(sigma, rel=1e-6)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (["m", "--matrices", "all", "--tensor", "x"], "leave --tensor and --metric out"),
        (["m", "--plot", "a.svg"], "draws the spectra of --matrices all"),
        (["m", "--matrices", "all", "--plot", "a.txt"], "must end in .svg, .png, .pdf"),
        (["absent", "--matrices", "all"], "There is no absent."),
        (["m/config.json", "--matrices", "all"], "m/config.json is none"),
        (["odd", "--matrices", "all"], "'mamba' models are not known"),
        (["blank", "--matrices", "all"], "does not tell its layers and heads"),
        (
            ["torn", "--matrices", "all"],
            "incomplete: model.safetensors.index.json names model-0",
        ),
        (["shards", "--matrices", "all"], "has no tensor gpt_neox.layers."),
    ],
)
def test_what_cannot_be_measured_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    fault: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    pythia(Path("m"))
    for name, config in (("odd", '{"model_type": "mamba"}'), ("blank", '{"model_type": "gpt2"}')):
        Path(name).mkdir()
        Path(name, "config.json").write_text(config)
    pythia(Path("torn"), max_shard_size="10kB")
    for shard in Path("torn").glob("*.safetensors"):
        if any(".layers.1." in name for name in load_file(shard)):
            shard.unlink()
    shutil.copytree("torn", "shards")
    Path("shards/model.safetensors.index.json").unlink()
    assert main(["measure", *given]) == 2
    assert fault in capsys.readouterr().err
