"""LiDAR against a direct computation, closed forms and planted truths."""

import math
from pathlib import Path

import pytest
import torch
from scipy.linalg import fractional_matrix_power
from trained import Bench
from transformers import AutoModelForCausalLM, AutoTokenizer

from disentangle.corpus.documents import read_texts
from disentangle.geometry.lidar import RIDGE, lidar
from disentangle.geometry.of_checkpoint import Matrices
from disentangle.geometry.of_matrix import measure_matrix
from disentangle.geometry.representations import POSITIONS, representations
from disentangle.vocabulary.matrices import H, W


def states(n: int = 4000, q: int = 8, between: tuple[float, ...] = (1.0,) * 6) -> torch.Tensor:
    """Passages that differ by so much along each direction, and states that vary by 1 in each."""
    generator = torch.Generator().manual_seed(0)
    centers = torch.randn(n, 1, len(between), generator=generator, dtype=torch.float64)
    noise = torch.randn(n, q, len(between), generator=generator, dtype=torch.float64)
    return centers * torch.tensor(between) + noise


def test_it_is_the_entropy_rank_of_the_whitened_covariance() -> None:
    X = states(50, 4, (3.0, 2.0, 1.0, 0.5, 0.1))
    means = X.mean(1)
    within = sum((x - m).T @ (x - m) for x, m in zip(X, means, strict=True)) / (50 * 3)
    within = within + RIDGE * within.trace() / 5 * torch.eye(5)
    root = torch.from_numpy(fractional_matrix_power(within.numpy(), -0.5))
    p = torch.linalg.eigvalsh(root @ torch.cov(means.T) @ root)
    p = p / p.sum()
    assert lidar(X) == pytest.approx(float(torch.exp(-(p * p.log()).sum())), rel=1e-9)


def test_directions_in_which_passages_differ_are_counted() -> None:
    # where passages do not differ, their means still do, by 1 / q of what their states do
    assert lidar(states(between=(100.0, 100.0, 100.0, 0.0, 0.0, 0.0))) == pytest.approx(3, rel=0.01)
    assert lidar(states()) == pytest.approx(6, rel=0.01)


def test_it_follows_no_scale_turn_or_shift() -> None:
    X = states(100, 8, (3.0, 2.0, 1.0, 0.5))
    turn = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    assert lidar(1e-3 * X @ turn + 5) == pytest.approx(lidar(X), rel=1e-9)
    stretched = X * torch.tensor([10.0, 1.0, 1.0, 0.1])  # between and within passages alike
    assert lidar(stretched) == pytest.approx(lidar(X), rel=0.02)


def test_it_is_unknown_where_nothing_differs() -> None:
    assert math.isnan(lidar(states(1)))
    assert math.isnan(lidar(states(50, 1)))
    assert math.isnan(lidar(torch.ones(5, 4, 3)))


def test_states_are_those_of_the_passages_tokens(bench: Bench, trained_run: Path) -> None:
    folder = trained_run / "step16"
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = ["One", *read_texts(bench.heldout["code"])]
    found = representations(model, tokenizer, texts, 16)
    assert found.last.shape == (25, 8)
    assert found.spread.shape == (24, POSITIONS, 8)  # "One" is too short
    assert torch.equal(found.spread[:, -1], found.last[1:])
    tokens = torch.tensor([tokenizer(texts[5])["input_ids"][:16]])
    with torch.no_grad():
        alone = model.model(tokens).last_hidden_state[0]
    at = [step * 15 // POSITIONS for step in range(1, POSITIONS + 1)]
    assert torch.allclose(found.spread[4], alone[at], atol=1e-5)


def test_h_has_it_and_w_has_not(bench: Bench, trained_run: Path) -> None:
    matrices = Matrices(trained_run / "step16", 16, 1)
    texts = read_texts(bench.heldout["code"])
    matrix, _ = matrices.of(H, texts)
    assert matrix.spread is not None and 1 < lidar(matrix.spread) < 8
    assert matrices.of(W, None)[0].spread is None
    assert math.isnan(measure_matrix(torch.randn(20, 4), "W")["lidar"])
