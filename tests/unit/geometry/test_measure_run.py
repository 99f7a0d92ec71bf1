"""Geometry of a trained run: W without padding, H at the last token, each cell once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from trained import Bench
from transformers import AutoModelForCausalLM, AutoTokenizer

from disentangle.checkpoint.cells import Cells
from disentangle.checkpoint.quarantine import SetAside
from disentangle.corpus.documents import read_texts
from disentangle.geometry.measure import measure_run
from disentangle.job import Say

DOMAINS = ("id", "code")


def measure(bench: Bench, run: Path, cells: Path, code: str = "a") -> tuple[list[dict], str]:
    said: list[str] = []
    rows, _ = measure_with_refusals(bench, run, cells, code, said.append)
    return rows, said[-1]


def measure_with_refusals(
    bench: Bench, run: Path, cells: Path, code: str = "a", say: Say = lambda line: None
) -> tuple[list[dict], list[SetAside]]:
    return measure_run(
        run / "manifest.json",
        heldout={domain: bench.heldout[domain] for domain in DOMAINS},
        max_tokens=16,
        cells=Cells(cells),
        code_version=code,
        threads=1,
        say=say,
    )


@pytest.fixture(scope="module")
def rows(bench: Bench, trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    return measure(bench, trained_run, tmp_path_factory.mktemp("cells"))[0]


def test_there_is_a_row_for_every_checkpoint_and_matrix(rows: list[dict]) -> None:
    places = [(row["step"], row["matrix"], row["domain"]) for row in rows]
    matrices = [("W", ""), ("H", "id"), ("H", "code")]
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


def test_cells_are_kept_and_go_by_code(bench: Bench, trained_run: Path, tmp_path: Path) -> None:
    first, said = measure(bench, trained_run, tmp_path)
    assert "9 matrices measured, 0 taken" in said
    next(iter(sorted(tmp_path.rglob("*.json")))).unlink()
    second, said = measure(bench, trained_run, tmp_path)
    assert "1 matrices measured, 8 taken" in said
    assert first == second
    assert "9 matrices measured" in measure(bench, trained_run, tmp_path, code="b")[1]


def test_a_checkpoint_that_is_not_its_manifests_is_not_measured(
    bench: Bench, own_run: Path, tmp_path: Path
) -> None:
    weights = own_run / "step16" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 64
    weights.write_bytes(data)
    rows, refused = measure_with_refusals(bench, own_run, tmp_path / "cells")
    (one,) = refused
    assert (one.step, one.variant) == (16, "base") and "SHA-256" in one.reason
    # the others are measured, and what was measured is kept
    assert {row["step"] for row in rows} == {0, 4}
    assert len(list((tmp_path / "cells").rglob("*.json"))) == 6
