"""Gradients of a trained run's checkpoints: those that its own trainer had."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from trained import Bench
from transformers import AutoModelForCausalLM

from disentangle.checkpoint.cache import Cache
from disentangle.geometry.gradient_spectra import accumulate_gradients, gradient_spectra
from disentangle.geometry.gradients import measure_gradients, steps_around
from disentangle.tables.files import write_table
from disentangle.tables.geometry import GRADIENTS
from disentangle.training.reread import batches_of_steps


def measure(
    bench: Bench, run: Path, cache: Path, code: str = "a", batches: int = 2
) -> tuple[list[dict], str]:
    said: list[str] = []
    rows = measure_gradients(
        bench.run(),
        run / "manifest.json",
        batches=batches,
        tokens=[bench.tokens],
        late_tokens=None,
        cache=Cache(cache),
        code_version=code,
        threads=1,
        say=said.append,
    )
    return rows, said[-1]


def test_steps_are_those_up_to_the_checkpoint() -> None:
    assert list(steps_around(16, 4, 20)) == [13, 14, 15, 16]
    assert list(steps_around(0, 4, 20)) == list(steps_around(2, 4, 20)) == [1, 2, 3, 4]
    assert list(steps_around(1, 4, 3)) == [1, 2, 3]


def test_loss_and_gradient_are_the_trainers(bench: Bench, trained_run: Path) -> None:
    lines = (trained_run / "steps.jsonl").read_text().splitlines()
    log = pd.DataFrame(map(json.loads, lines)).set_index("step")
    counted = 31 / 32  # the trainer divides by all tokens, but the first is not predicted
    for checkpoint in (0, 4):  # its weights are those of the next step's gradient
        model = AutoModelForCausalLM.from_pretrained(trained_run / f"step{checkpoint}")
        batches = batches_of_steps(bench.run(), [bench.tokens], None, [checkpoint + 1])
        loss = accumulate_gradients(model, batches)
        assert counted * loss == pytest.approx(log.loc[checkpoint + 1, "loss"], rel=1e-5)
        squares = sum(float(p.grad.double().square().sum()) for p in model.parameters())
        norm = log.loc[checkpoint + 1, "gradient_norm"]
        assert counted * np.sqrt(squares) == pytest.approx(norm, rel=1e-4)


def test_spectra_are_those_of_the_gradients(bench: Bench, trained_run: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained_run / "step16")
    accumulate_gradients(model, batches_of_steps(bench.run(), [bench.tokens], None, [15, 16]))
    found = {(s.matrix, s.layer, s.head): s for s in gradient_spectra(model, 400)}
    assert len(found) == 1 + 2 * (1 + 2)
    v, o = (getattr(model.model.layers[1].self_attn, f"{x}_proj").weight for x in "vo")
    V, O = v.detach().double()[4:], o.detach().double()[:, 4:]  # noqa: E741
    G_V, G_O = v.grad.double()[4:], o.grad.double()[:, 4:]
    G = G_O @ V + O @ G_V
    expected = torch.linalg.svdvals(G)
    assert found["OV", 1, 1].sigma == pytest.approx(expected.numpy(), rel=1e-6, abs=1e-12)
    # to first order, a small step of descent changes the circuit by this
    step = 1e-4
    change = (O @ V - (O - step * G_O) @ (V - step * G_V)) / step
    assert torch.allclose(change, G, atol=1e-4 * float(G.abs().max()))
    down = torch.linalg.svdvals(model.model.layers[0].mlp.down_proj.weight.grad.double())
    assert found["down", 0, None].sigma == pytest.approx(down.numpy(), rel=1e-9)
    assert found["W", None, None].shape == (400, 8)


def test_a_checkpoint_is_measured_once(bench: Bench, trained_run: Path, tmp_path: Path) -> None:
    first, said = measure(bench, trained_run, tmp_path / "cache")
    assert "gradients of 3 checkpoints measured, 0 taken" in said
    assert len(first) == 3 * 7
    assert {row["batches"] for row in first} == {2}
    assert all(0 < row["proportional_effective_rank"] <= 1 for row in first)
    losses = {row["step"]: row["loss"] for row in first}
    assert losses[0] > losses[4] > losses[16]
    write_table(first, GRADIENTS, tmp_path / "gradients.parquet")
    second, said = measure(bench, trained_run, tmp_path / "cache")
    assert "of 0 checkpoints measured, 3 taken" in said
    assert str(first) == str(second)  # a NaN equals itself here
    assert "of 3 checkpoints" in measure(bench, trained_run, tmp_path / "cache", batches=1)[1]
    assert "of 3 checkpoints" in measure(bench, trained_run, tmp_path / "cache", code="b")[1]
