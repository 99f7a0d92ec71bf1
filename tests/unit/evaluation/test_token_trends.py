"""Trends of single tokens: planted ones are found, and p values are those of another library."""

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from trained import Bench
from transformers import AutoModelForCausalLM, AutoTokenizer

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.manifest import read_run, step_folder
from disentangle.corpus.documents import read_texts
from disentangle.evaluation.follow_tokens import follow_tokens
from disentangle.evaluation.token_losses import token_losses
from disentangle.evaluation.token_trends import KINDS, trends
from disentangle.evaluation.token_trends import _last_coefficient as last_coefficient

SHARE = 0.01 * 1.6 ** np.arange(11)
SHARE[-1] = 1.0
NOISE = 0.05


def planted(count: int = 400) -> np.ndarray:
    """Tokens of four kinds in equal numbers, and noise."""
    x = (np.log(SHARE) - np.log(SHARE[0])) / -np.log(SHARE[0])
    curves = np.stack([3 - x, 3 + x, 3 + 0 * x, 3 + 4 * x * (1 - x)])
    noise = NOISE * np.random.default_rng(0).standard_normal((4 * count, len(x)))
    return np.repeat(curves, count, axis=0) + noise


def test_planted_kinds_are_found() -> None:
    share = {row["kind"]: row["share"] for row in trends(SHARE, planted(), seed=0)}
    assert share["rises"] == pytest.approx(0.25 + 0.25 * 0.025, abs=0.02)
    # tokens that rise and fall are falling by a tenth of training
    assert share["falls"] == pytest.approx(0.5, abs=0.03)
    assert share["stagnates"] == pytest.approx(0.25 * 0.95, abs=0.03)
    # a line or noise is called bent with p < .05 on this side, and not always with an inner peak
    assert 0.25 <= share["rises and falls"] < 0.25 + 0.75 * 0.025 + 0.01


def test_noise_has_the_level_of_the_test_and_so_has_chance() -> None:
    noise = np.random.default_rng(1).standard_normal((4000, len(SHARE)))
    for row in trends(SHARE, noise, seed=0):
        assert row["share"] == pytest.approx(row["by_chance"], abs=0.015)
        if row["kind"] in ("falls", "rises"):
            assert row["share"] == pytest.approx(0.025, abs=0.01)
    assert [row["kind"] for row in trends(SHARE, noise, seed=0)] == list(KINDS)


@pytest.mark.parametrize("degree", [1, 2])
def test_p_is_that_of_statsmodels(degree: int) -> None:
    x, losses = np.log(SHARE), planted(3)
    value, p = last_coefficient(x, losses, degree)
    for token, y in enumerate(losses):
        fit = sm.OLS(y, np.vander(x - x.mean(), degree + 1)).fit()
        assert value[token] == pytest.approx(fit.params[0], rel=1e-9)
        assert p[token] == pytest.approx(fit.pvalues[0], rel=1e-6, abs=1e-300)


def test_a_fall_that_quickens_is_no_rise_and_fall() -> None:
    """Its parabola is bent in the same way, with the peak at the beginning."""
    x = (np.log(SHARE) - np.log(SHARE[0])) / -np.log(SHARE[0])
    falls = 3 - 2 * x**2 + NOISE * np.random.default_rng(2).standard_normal((500, len(x)))
    share = {row["kind"]: row["share"] for row in trends(SHARE, falls, seed=0)}
    assert share["rises and falls"] < 0.1 and share["falls"] > 0.95


def test_few_checkpoints_say_nothing() -> None:
    assert trends(SHARE[-4:], planted()[:, -4:], seed=0) == []


def test_a_token_without_any_movement_stagnates() -> None:
    still = np.full((3, len(SHARE)), 2.0)
    share = {row["kind"]: row["share"] for row in trends(SHARE, still, seed=0)}
    assert share == {"falls": 0, "rises": 0, "stagnates": 1, "rises and falls": 0}


def test_losses_are_the_model_s_own(bench: Bench, trained_run: Path) -> None:
    """One passage at a time and without padding gives the same losses."""
    folder = step_folder(trained_run, max(read_run(trained_run / "manifest.json").checkpoints))
    texts = read_texts(bench.heldout["id"])[:20]
    found = token_losses(folder, texts, max_tokens=16, threads=1)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    expected = []
    for text in texts:
        ids = torch.tensor(tokenizer(text)["input_ids"][:16])
        with torch.no_grad():
            logp = model(ids[None]).logits[0].log_softmax(-1)
        expected += [-float(logp[i, ids[i + 1]]) for i in range(len(ids) - 1)]
    assert found == pytest.approx(np.array(expected), abs=2e-5)


def test_a_run_is_followed_once(bench: Bench, trained_run: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def rows() -> list[dict]:
        return follow_tokens(
            trained_run / "manifest.json",
            passages=bench.heldout["id"],
            count=8,
            max_tokens=16,
            cache=Cache(tmp_path),
            code_version="a",
            threads=1,
            say=said.append,
        )

    assert rows() == rows()
    assert len(said) == 1
