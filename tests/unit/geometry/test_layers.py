"""Layers of a trained run: the residual stream as the model has it, compared with the end's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from trained import Bench
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.manifest import read_run
from disentangle.corpus.documents import read_texts
from disentangle.geometry.families import FAMILIES
from disentangle.geometry.layers import ATTENTION, MLP, STREAM, layer_representations
from disentangle.geometry.representations import last_token_representations
from disentangle.geometry.trajectory import compare_layers
from disentangle.tables.files import write_table
from disentangle.tables.geometry import LAYERS

DOMAINS = ("id", "code")


def compare(bench: Bench, run: Path, cache: Path, code: str = "a") -> tuple[list[dict], str]:
    said: list[str] = []
    rows = compare_layers(
        run / "manifest.json",
        heldout={domain: bench.heldout[domain] for domain in DOMAINS},
        max_tokens=16,
        cache=Cache(cache),
        code_version=code,
        threads=1,
        say=said.append,
    )
    return rows, said[-1]


@pytest.fixture(scope="module")
def rows(bench: Bench, trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    return compare(bench, trained_run, tmp_path_factory.mktemp("cache"))[0]


@torch.no_grad()
def test_layers_are_the_residual_stream_at_each_last_token(bench: Bench, trained_run: Path) -> None:
    folder, texts = trained_run / "step16", read_texts(bench.heldout["code"])
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    layers = layer_representations(model, tokenizer, texts, 16)
    assert not model.model.layers[0]._forward_hooks
    assert not model.model.layers[0]._forward_pre_hooks
    H = last_token_representations(model, tokenizer, texts, 16)
    parts = [(n, part) for n in (1, 2) for part in (STREAM, ATTENTION, MLP)]
    assert list(layers) == [(0, STREAM), *parts]
    assert {layer.shape for layer in layers.values()} == {(24, 8)}
    assert torch.equal(model.model.norm(layers[2, STREAM]), H)
    for n in (1, 2):  # a block adds what its attention and its MLP compute
        added = layers[n, STREAM] - layers[n - 1, STREAM]
        assert torch.allclose(layers[n, ATTENTION] + layers[n, MLP], added, atol=1e-5)
        assert not torch.allclose(layers[n, ATTENTION], added, atol=1e-3)
    for i, text in enumerate(texts):
        tokens = torch.tensor([tokenizer(text)["input_ids"][:16]])  # one by one: no padding
        # all but transformers' last, which is normalised
        expected = model(tokens, output_hidden_states=True).hidden_states[:-1]
        for number, states in enumerate(expected):
            assert torch.allclose(layers[number, STREAM][i], states[0, -1], atol=1e-5)
        assert torch.equal(layers[0, STREAM][i], model.model.embed_tokens.weight[tokens[0, -1]])


@torch.no_grad()
def test_layers_of_another_architecture(trained_run: Path) -> None:
    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    model = GPTNeoXForCausalLM(config).eval()
    tokenizer = AutoTokenizer.from_pretrained(trained_run / "step16")
    texts = ["The sun is a star.", "One", "x = y + 1\nprint(x)"]
    layers = layer_representations(model, tokenizer, texts, 16)
    assert {layer.shape for layer in layers.values()} == {(3, 16)} and len(layers) == 10
    H = last_token_representations(model, tokenizer, texts, 16)
    assert torch.equal(model.gpt_neox.final_layer_norm(layers[3, STREAM]), H)
    added = layers[3, STREAM] - layers[2, STREAM]
    assert torch.allclose(layers[3, ATTENTION] + layers[3, MLP], added, atol=1e-5)


def test_of_an_unknown_architecture_the_stream_alone_is_read(
    trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained_run / "step16"
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    monkeypatch.delitem(FAMILIES, "olmo")
    layers = layer_representations(model, tokenizer, ["The sun is a star."], 16)
    assert list(layers) == [(0, STREAM), (1, STREAM), (2, STREAM)]


def test_there_is_a_row_for_every_checkpoint_domain_and_layer(
    rows: list[dict], tmp_path: Path
) -> None:
    places = [(row["step"], row["domain"], row["layer"], row["part"]) for row in rows]
    of_layers = [(0, STREAM), *((n, part) for n in (1, 2) for part in (STREAM, ATTENTION, MLP))]
    expected = [(s, d, *place) for s in (0, 4, 16) for d in DOMAINS for place in of_layers]
    assert places == expected
    assert {(row["n"], row["dim"]) for row in rows} == {(24, 8)}
    assert [row["tokens"] for row in rows[::14]] == [0, 4 * 256, 16 * 256]
    write_table(rows, LAYERS, tmp_path / "layers.parquet")


def test_layers_come_nearer_to_the_last_checkpoints(rows: list[dict]) -> None:
    for row in rows:
        if row["step"] == 16:
            assert row["cka_to_last"] == pytest.approx(1)
            assert row["cka_to_last_debiased"] == pytest.approx(1)
        else:
            assert 0 < row["cka_to_last"] < 1 - 1e-9
            later = next(
                r for r in rows if r["step"] > row["step"]
                and all(r[name] == row[name] for name in ("domain", "layer", "part"))
            )  # fmt: skip
            assert row["cka_to_last"] < later["cka_to_last"]


def test_figures_are_those_of_the_layers(bench: Bench, trained_run: Path, rows: list[dict]) -> None:
    texts = read_texts(bench.heldout["id"])
    streams = {}
    for step in (4, 16):
        folder = trained_run / f"step{step}"
        model = AutoModelForCausalLM.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        streams[step] = layer_representations(model, tokenizer, texts, 16)
    for row in (row for row in rows if row["step"] == 4 and row["domain"] == "id"):
        X, Y = (streams[step][row["layer"], row["part"]].double().numpy() for step in (4, 16))
        sigma = np.linalg.svd(X, compute_uv=False)
        p = sigma / sigma.sum()
        rank = np.exp(-(p * np.log(p)).sum()) / 8
        assert row["proportional_effective_rank"] == pytest.approx(rank, rel=1e-4)
        X, Y = X - X.mean(0), Y - Y.mean(0)
        p = (sigma := np.linalg.svd(X, compute_uv=False)) / sigma.sum()
        rank = np.exp(-(p * np.log(p)).sum()) / 8
        assert row["proportional_effective_rank_centered"] == pytest.approx(rank, rel=1e-4)
        norm = np.linalg.norm
        cka = norm(Y.T @ X) ** 2 / (norm(X.T @ X) * norm(Y.T @ Y))
        assert row["cka_to_last"] == pytest.approx(cka, rel=1e-4)


def test_entries_are_kept_and_go_by_code_and_by_the_last_checkpoint(
    bench: Bench, own_run: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"  # the run lies beside it
    first, said = compare(bench, own_run, cache)
    assert "layers of 6 compared, 0 taken" in said
    next(iter(sorted(cache.rglob("*.json")))).unlink()
    second, said = compare(bench, own_run, cache)
    assert "layers of 1 compared, 5 taken" in said
    assert first == second
    assert "layers of 6 compared" in compare(bench, own_run, cache, code="b")[1]
    # a run that ends elsewhere
    manifest = own_run / "manifest.json"
    text = manifest.read_text()
    run = read_run(manifest)
    del run.checkpoints[16]
    run.write(manifest)
    shorter, said = compare(bench, own_run, cache)
    assert "layers of 4 compared, 0 taken" in said
    assert [r["cka_to_last"] for r in shorter if r["step"] == 4] == pytest.approx([1] * 14)
    manifest.write_text(text)
    assert "layers of 0 compared, 6 taken" in compare(bench, own_run, cache)[1]


def test_a_checkpoint_that_is_not_its_manifests_is_not_compared(
    bench: Bench, own_run: Path, tmp_path: Path
) -> None:
    weights = own_run / "step4" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 64
    weights.write_bytes(data)
    rows, _ = compare(bench, own_run, tmp_path / "cache")
    assert {row["step"] for row in rows} == {0, 16}
