"""Every matrix of a run's checkpoints: the spectra of what is in its files, each measured once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from trained import Bench
from transformers import AutoTokenizer, BloomConfig, BloomForCausalLM

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.importing import import_run
from disentangle.corpus.documents import read_texts
from disentangle.geometry.every_matrix import measure_matrices
from disentangle.study.external import ExternalRun
from disentangle.tables.files import write_table
from disentangle.tables.geometry import MATRICES


def measure(run: Path, cache: Path, code: str = "a") -> tuple[list[dict], list[str]]:
    said: list[str] = []
    rows = measure_matrices(
        run / "manifest.json", cache=Cache(cache), code_version=code, threads=1, say=said.append
    )
    return rows, said


def test_rows_are_the_spectra_of_the_files(trained_run: Path, tmp_path: Path) -> None:
    rows, _ = measure(trained_run, tmp_path / "cache")
    layers, heads = 2, 2
    assert len(rows) == 3 * (1 + layers * (7 + 2 * heads))
    found = {(r["step"], r["matrix"], r["layer"], r["head"]): r for r in rows}
    weights = load_file(trained_run / "step16" / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    row = found[16, "down", 1, None]
    sigma = np.linalg.svd(weights[name].double().numpy(), compute_uv=False)
    assert row["singular_values"] == pytest.approx(sigma, rel=1e-10)
    assert (row["rows"], row["columns"]) == tuple(weights[name].shape)
    p = sigma / sigma.sum()
    rank = np.exp(-(p * np.log(p)).sum())
    assert row["effective_rank"] == pytest.approx(rank)
    assert row["proportional_effective_rank"] == pytest.approx(rank / len(sigma))
    E = weights["model.embed_tokens.weight"][:400].double().numpy()  # without padding
    assert found[16, "E", None, None]["rows"] == 400
    expected = np.linalg.svd(E, compute_uv=False)
    assert found[16, "E", None, None]["singular_values"] == pytest.approx(expected)
    assert len(found[16, "OV", 0, 1]["singular_values"]) == 4
    write_table(rows, MATRICES, tmp_path / "matrices.parquet")


def test_a_checkpoint_is_measured_once(trained_run: Path, tmp_path: Path) -> None:
    first, said = measure(trained_run, tmp_path)
    assert "all matrices of 3 checkpoints measured, 0 taken" in said[0]
    second, said = measure(trained_run, tmp_path)
    assert "of 0 checkpoints measured, 3 taken" in said[0]
    assert str(first) == str(second)  # a NaN equals itself here
    assert "of 3 checkpoints" in measure(trained_run, tmp_path, code="b")[1][0]


def test_an_architecture_that_is_not_known_is_said(bench: Bench, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = BloomConfig(vocab_size=400, hidden_size=16, n_layer=1, n_head=2)
    source = tmp_path / "source" / "step1"
    BloomForCausalLM(config).save_pretrained(source)
    AutoTokenizer.from_pretrained(bench.tokenizer).save_pretrained(source)
    run = ExternalRun("bloom", str(tmp_path / "source"), {1: "step1"}, None, {})
    texts = read_texts(bench.heldout["id"])
    manifest = import_run(
        run, folder=tmp_path / "b", warmed=None, texts=texts, code_version="a", say=lambda _: None
    )
    manifest.write(tmp_path / "b" / "manifest.json")
    for _ in range(2):
        rows, said = measure(tmp_path / "b", tmp_path / "cache")
        assert not rows
        assert said[0].startswith("bloom: the matrices of 'bloom' models are not known; those of")
