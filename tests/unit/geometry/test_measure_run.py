"""Geometry of a trained run: W without padding, H at the last token, each measured once."""

import inspect
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from trained import Bench
from transformers import AutoModelForCausalLM, AutoTokenizer, OPTConfig, OPTForCausalLM

from disentangle import provenance
from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.importing import import_run
from disentangle.checkpoint.quarantine import Quarantined
from disentangle.corpus.documents import read_texts
from disentangle.geometry.measurements import MEASUREMENTS, READING, measurement_codes
from disentangle.geometry.of_matrix import MEASURES
from disentangle.geometry.of_run import measure_run
from disentangle.geometry.user_metric import read_user_metrics
from disentangle.job import Say
from disentangle.provenance import PACKAGE
from disentangle.storage import read_sealed, write_sealed
from disentangle.study.external import ExternalRun
from disentangle.tables.files import write_table
from disentangle.tables.geometry import GEOMETRY
from disentangle.vocabulary.user_metric import UserMetric

DOMAINS = ("id", "code")


CODES = dict.fromkeys(MEASUREMENTS, "a")


def measure(
    bench: Bench, run: Path, cache: Path, codes: dict[str, str] = CODES
) -> tuple[list[dict], str]:
    said: list[str] = []
    rows, _ = measure_with_refusals(bench, run, cache, codes, said.append)
    return rows, said[-1]


def measure_with_refusals(
    bench: Bench,
    run: Path,
    cache: Path,
    codes: dict[str, str] = CODES,
    say: Say = lambda line: None,
    own: Sequence[UserMetric] = (),
) -> tuple[list[dict], list[Quarantined]]:
    return measure_run(
        run / "manifest.json",
        heldout={domain: bench.heldout[domain] for domain in DOMAINS},
        max_tokens=16,
        cache=Cache(cache),
        codes=codes,
        own=own,
        threads=1,
        say=say,
    )


@pytest.fixture(scope="module")
def rows(bench: Bench, trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    return measure(bench, trained_run, tmp_path_factory.mktemp("cache"))[0]


def test_there_is_a_row_for_every_checkpoint_and_matrix(rows: list[dict]) -> None:
    places = [(row["step"], row["matrix"], row["domain"]) for row in rows]
    matrices = [("W", ""), ("H", "id"), ("H", "code"), ("Wproj", "")]
    matrices += [("Wfisher", "id"), ("Wfisher", "code"), ("Wlogit", "id"), ("Wlogit", "code")]
    assert places == [(step, *matrix) for step in (0, 4, 16) for matrix in matrices]


def test_w_is_measured_without_its_padding(trained_run: Path, rows: list[dict]) -> None:
    row = next(row for row in rows if row["step"] == 16 and row["matrix"] == "W")
    head = AutoModelForCausalLM.from_pretrained(trained_run / "step16").lm_head.weight.detach()
    assert head.shape == (512, 8)
    assert (row["rows"], row["dim"]) == (400, 8)
    sigma = np.linalg.svd(head[:400].double().numpy(), compute_uv=False)
    assert row["singular_values"] == pytest.approx(sigma, rel=1e-10)
    padded = np.linalg.svd(head.double().numpy(), compute_uv=False)
    assert row["singular_values"] != pytest.approx(padded, rel=1e-4)


@torch.no_grad()
def test_h_is_what_the_head_multiplies_at_each_last_token(
    bench: Bench, trained_run: Path, rows: list[dict]
) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained_run / "step16").eval()
    tokenizer = AutoTokenizer.from_pretrained(trained_run / "step16")
    seen: list[torch.Tensor] = []
    model.lm_head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0, -1]))
    for text in read_texts(bench.heldout["code"]):
        model(torch.tensor([tokenizer(text)["input_ids"][:16]]))  # one by one: no padding
    sigma = np.linalg.svd(torch.stack(seen).double().numpy(), compute_uv=False)
    row = next(r for r in rows if r["step"] == 16 and r["domain"] == "code")
    assert row["rows"] == 24
    assert row["singular_values"] == pytest.approx(sigma, rel=1e-4, abs=1e-5)
    p = sigma / sigma.sum()
    assert row["effective_rank"] == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-4)


@torch.no_grad()
def test_what_the_function_fixes_is_measured_of_a_run(
    bench: Bench, trained_run: Path, rows: list[dict], tmp_path: Path
) -> None:
    found = {
        row["matrix"]: row for row in rows if row["step"] == 16 and row["domain"] in ("", "code")
    }
    W = AutoModelForCausalLM.from_pretrained(trained_run / "step16").lm_head.weight[:400]
    W = W.double().numpy()
    X = W - W.mean(1, keepdims=True)
    sigma = np.linalg.svd(X - X.mean(0), compute_uv=False)
    assert found["Wproj"]["singular_values"] == pytest.approx(sigma, abs=1e-12)
    assert found["Wproj"]["numerical_rank"] == 7  # the last norm takes one of 8 away
    tokenizer = AutoTokenizer.from_pretrained(trained_run / "step16")
    texts = read_texts(bench.heldout["code"])
    read = [token for text in texts for token in tokenizer(text)["input_ids"][:16]]
    p = np.bincount(read, minlength=400) / len(read)
    fisher = np.linalg.eigvalsh(X.T @ (np.diag(p) - np.outer(p, p)) @ X)[::-1]
    squares = np.square(found["Wfisher"]["singular_values"])
    assert squares == pytest.approx(fisher, abs=1e-12)
    assert found["Wfisher"]["rows"] == len(set(read))
    assert json.loads(found["Wfisher"]["numerics"])["norm"] == "subtracts the mean"
    assert found["Wlogit"]["numerical_rank"] == 7
    for row in found.values():  # the last norm leaves 7 of 8 directions
        possible = 8 if row["matrix"] in ("W", "H") else 7
        assert row["effective_rank_pct"] == pytest.approx(100 * row["effective_rank"] / possible)
    for matrix in ("Wproj", "Wfisher", "Wlogit"):
        assert not [name for name in found[matrix] if name.endswith("_centered")]
    write_table(rows, GEOMETRY, tmp_path / "geometry.parquet")


def test_a_matrix_that_an_architecture_does_not_give_is_said(bench: Bench, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=24,
        word_embed_proj_dim=8, do_layer_norm_before=False, pad_token_id=0, bos_token_id=0,
        eos_token_id=0,
    )  # fmt: skip
    source = tmp_path / "source" / "step1"
    OPTForCausalLM(config).save_pretrained(source)
    AutoTokenizer.from_pretrained(bench.tokenizer).save_pretrained(source)
    folder = tmp_path / "opt"
    run = ExternalRun("opt", str(tmp_path / "source"), {1: "step1"}, None, {})
    texts = read_texts(bench.heldout["id"])
    manifest = import_run(
        run, folder=folder, warmed=None, texts=texts, code_version="a", say=lambda line: None
    )
    manifest.write(folder / "manifest.json")
    for _ in range(2):  # found out once, and remembered
        said: list[str] = []
        rows, refused = measure_with_refusals(bench, folder, tmp_path / "cache", say=said.append)
        assert not refused
        assert {row["matrix"] for row in rows} == {"W", "H", "Wlogit"}
        assert said[0] == (
            "opt: Wproj is not known: its head reads the output of Linear, which is no norm"
        )
    assert "0 matrices measured" in said[-1]


def test_entries_are_kept_and_go_by_code(bench: Bench, trained_run: Path, tmp_path: Path) -> None:
    first, said = measure(bench, trained_run, tmp_path)
    assert "24 matrices measured, 0 taken" in said
    next(iter(sorted(tmp_path.rglob("*.json")))).unlink()
    second, said = measure(bench, trained_run, tmp_path)
    assert "1 matrices measured" in said and "23 taken" in said
    assert str(first) == str(second)  # a NaN equals itself here
    anew = dict.fromkeys(CODES, "b")
    assert "24 matrices measured, 0 taken" in measure(bench, trained_run, tmp_path, anew)[1]


def test_a_quantity_whose_code_changed_is_measured_alone(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    first, _ = measure(bench, trained_run, tmp_path)
    spectra = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    changed = CODES | {"mean_cosine_similarities": "b"}
    second, said = measure(bench, trained_run, tmp_path, changed)
    assert "24 matrices measured (mean_cosine_similarities alone), 0 taken" in said
    assert str(first) == str(second)  # a NaN equals itself here
    entries = list(tmp_path.rglob("*.json"))
    assert len(entries) == len(spectra) + 24
    assert all(path.stat().st_mtime_ns == made for path, made in spectra.items())


def test_numerics_that_differ_between_quantities_are_told(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    measure(bench, trained_run, tmp_path)
    for path in tmp_path.rglob("*.json"):
        entry = read_sealed(path)
        if entry["key"]["measurement"] == "partition_isotropies":
            entry["value"]["numerics"]["device"] = "cuda"
            write_sealed(path, entry)
    rows, _ = measure(bench, trained_run, tmp_path)
    numerics = [json.loads(row["numerics"]) for row in rows]
    assert {n["device"] for n in numerics} == {"cpu"}
    assert {n["partition_isotropies"]["device"] for n in numerics} == {"cuda"}


def test_every_quantity_goes_by_its_own_module_and_by_how_matrices_are_read() -> None:
    modules = {name: Path(inspect.getsourcefile(f) or "") for name, f in MEASURES.items()}
    assert {name: PACKAGE / path for name, path in MEASUREMENTS.items()} == modules
    assert len(set(measurement_codes().values())) == len(MEASUREMENTS)
    reached, todo = set(), [PACKAGE / path for path in (*READING, *MEASUREMENTS.values())]
    while todo:
        file = todo.pop()
        if file not in reached:
            reached.add(file)
            todo.extend(provenance._logic(file)[1])
    names = {file.relative_to(PACKAGE).as_posix() for file in reached}
    # metrics that are read off, and the list of measurements, may grow and measure nothing anew
    for later in ("metrics", "spectrum", "isoscore", "measurements", "measure", "measure_matrix"):
        assert f"geometry/{later}.py" not in names


def test_a_checkpoint_that_is_not_its_manifests_is_not_measured(
    bench: Bench, own_run: Path, tmp_path: Path
) -> None:
    weights = own_run / "step16" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 64
    weights.write_bytes(data)
    rows, refused = measure_with_refusals(bench, own_run, tmp_path / "cache")
    (one,) = refused
    assert (one.step, one.variant) == (16, "base") and "SHA-256" in one.reason
    # the others are measured, and what was measured is kept
    assert {row["step"] for row in rows} == {0, 4}
    # W; H on two domains; five that the function fixes
    entries = len(MEASUREMENTS) - 1 + 2 * len(MEASUREMENTS) + 5 * 3
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 2 * entries


def test_a_metric_of_ones_own_is_measured_alone(
    bench: Bench, trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("def largest(singular_values): return singular_values[0]")
    measure(bench, trained_run, tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    own = read_user_metrics(["mine.py:largest"])
    rows, _ = measure_with_refusals(
        bench, trained_run, tmp_path / "cache", say=said.append, own=own
    )
    assert "24 matrices measured (mine.py:largest alone)" in said[0]
    for row in rows:
        assert row["largest"] == pytest.approx(row["spectral_norm"])
        if row["matrix"] in ("W", "H"):
            assert row["largest_centered"] == pytest.approx(row["spectral_norm_centered"])
        else:
            assert "largest_centered" not in row
