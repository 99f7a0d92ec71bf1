"""What the function fixes does not move where the function does not; R(W) does."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    GemmaConfig,
    GemmaForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OlmoConfig,
    OlmoForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
)

from disentangle.geometry.decomposition import singular_values
from disentangle.geometry.effective_ranks import effective_rank
from disentangle.geometry.final_norm import FinalNorm, NoNormError, final_norm
from disentangle.geometry.function_level import fisher, logit, projected
from disentangle.geometry.matrix import Matrix, Record
from disentangle.geometry.metrics import read_off
from disentangle.geometry.of_matrix import MEASURES, measure
from disentangle.vocabulary.metrics import METRICS

N, D, M = 90, 12, 40


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def norm(seed: int, subtracts_mean: bool = True) -> FinalNorm:
    return FinalNorm(draw(seed + 100, D).abs() + 0.2, subtracts_mean)


def world(seed: int, subtracts_mean: bool = True) -> tuple[torch.Tensor, FinalNorm, torch.Tensor]:
    """W, a norm, and the norm's outputs."""
    z = draw(seed + 2, M, D) * torch.linspace(0.5, 2, D)
    if subtracts_mean:
        z = z - z.mean(1, keepdim=True)
    last = norm(seed, subtracts_mean)
    W = draw(seed, N, D) * torch.logspace(0, -1, D, dtype=torch.float64)
    return W, last, z * last.gain + draw(seed + 3, D)


def rank(matrix: torch.Tensor) -> float:
    return effective_rank(singular_values(matrix))


def measured(matrix: torch.Tensor) -> dict[str, Any]:
    """Every metric, as of a model's weights in float32."""
    found: Record = {}
    for record in measure(
        Matrix(matrix, "a", stored=torch.float32, centered_too=False), MEASURES
    ).values():
        found |= record
    return read_off(found)


def same_metrics(a: torch.Tensor, b: torch.Tensor) -> None:
    first, second = measured(a), measured(b)
    for metric in METRICS:
        assert first[metric.name] == pytest.approx(
            second[metric.name], rel=1e-9, abs=1e-9, nan_ok=True
        )
    sigma = np.array(first["singular_values"])
    assert np.allclose(sigma, second["singular_values"], rtol=1e-9, atol=1e-12 * sigma[0])


COUNTS = torch.arange(N) % 7 * 10


@given(seed=st.integers(0, 10**6), size=st.floats(0.1, 30))
@settings(max_examples=30)
def test_shifts_that_change_no_prediction_move_none_of_them(seed: int, size: float) -> None:
    W, last, h = world(seed)
    v, u = size * draw(seed + 5, D), size * draw(seed + 6, N)
    moved = W + v + u[:, None] / last.gain
    # the same function: the logits differ by a number for each passage, and one for each token
    # that does not depend on the passage, since the shift of the norm is not in its output's span
    z = h - h.mean(0)
    logits = [X @ z.T for X in (W, moved)]
    logits = [X - X.mean(0) for X in logits]
    assert torch.allclose(*logits, atol=1e-10 * (1 + size))
    assert abs(rank(moved) - rank(W)) > 1e-3
    same_metrics(projected(W, last), projected(moved, last))
    same_metrics(fisher(W, last, COUNTS), fisher(moved, last, COUNTS))
    same_metrics(logit(W, h), logit(moved, h))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30)
def test_what_is_between_norm_and_head_is_not_seen(seed: int) -> None:
    W, last, h = world(seed, subtracts_mean=False)
    A = draw(seed + 7, D, D) + 3 * torch.eye(D)
    moved = W @ torch.linalg.inv(A)
    assert abs(rank(moved) - rank(W)) > 1e-3
    same_metrics(logit(W, h), logit(moved, h @ A.T))
    # a gain may be in the norm or in W
    scale = draw(seed + 8, D).abs() + 0.1
    rescaled = FinalNorm(last.gain / scale, subtracts_mean=False)
    same_metrics(projected(W, last), projected(W * scale, rescaled))
    same_metrics(fisher(W, last, COUNTS), fisher(W * scale, rescaled, COUNTS))


def test_a_norm_that_keeps_the_mean_has_one_projection() -> None:
    W, _, _ = world(0)
    plain = FinalNorm(torch.ones(D, dtype=torch.float64), subtracts_mean=False)
    expected = W - W.mean(0)
    assert torch.allclose(projected(W, plain), expected, atol=1e-12)
    both = projected(W, FinalNorm(plain.gain, subtracts_mean=True))
    assert torch.allclose(both, expected - expected.mean(1, keepdim=True), atol=1e-12)
    assert rank(both) < D - 0.99


def test_spectra_are_those_of_the_definitions() -> None:
    W, last, h = world(1)
    p = COUNTS.double() / COUNTS.sum()
    X = (W * last.gain).numpy()
    X = X - X.mean(1, keepdims=True)
    expected = np.linalg.eigvalsh(X.T @ (np.diag(p) - np.outer(p, p)) @ X)[::-1]
    found = singular_values(fisher(W, last, COUNTS)) ** 2
    assert np.allclose(found, np.clip(expected, 0, None), atol=1e-12)
    logits = (W @ h.T).numpy()
    logits = logits - logits.mean(0)
    logits = logits - logits.mean(1, keepdims=True)
    expected = np.linalg.svd(logits, compute_uv=False)[:D] / np.sqrt(M)
    assert np.allclose(singular_values(logit(W, h)), expected, atol=1e-10)
    few = h[:5]  # fewer passages than dimensions
    assert logit(W, few).shape == (N, 5)
    logits = (W @ few.T).numpy()
    logits = logits - logits.mean(0)
    expected = np.linalg.svd(logits - logits.mean(1, keepdims=True), compute_uv=False)
    assert np.allclose(singular_values(logit(W, few)), expected / np.sqrt(5), atol=1e-10)


def test_tokens_that_do_not_occur_do_not_count() -> None:
    W, last, _ = world(2)
    assert len(fisher(W, last, COUNTS)) == int((COUNTS > 0).sum())
    other = W.clone()
    other[COUNTS == 0] = 99
    assert torch.equal(fisher(W, last, COUNTS), fisher(other, last, COUNTS))
    with pytest.raises(ValueError, match="no token occurs"):
        fisher(W, last, torch.zeros(N))


SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
LLAMA = SMALL | {"intermediate_size": 24, "num_key_value_heads": 2, "head_dim": 8}


def of(config: object, kind: type[PreTrainedModel]) -> PreTrainedModel:
    torch.manual_seed(0)
    model = kind(config).eval()
    for name, weight in model.named_parameters():
        if "norm" in name or "ln_f" in name:
            weight.data += 0.3 * torch.randn_like(weight)
    return model


@pytest.mark.parametrize(
    ("model", "subtracts_mean", "gain"),
    [
        (lambda: of(OlmoConfig(**LLAMA), OlmoForCausalLM), True, None),
        (lambda: of(LlamaConfig(**LLAMA), LlamaForCausalLM), False, "model.norm.weight"),
        (lambda: of(GemmaConfig(**LLAMA), GemmaForCausalLM), False, "1 + model.norm.weight"),
        (
            lambda: of(GPTNeoXConfig(**SMALL, intermediate_size=24), GPTNeoXForCausalLM),
            True,
            "gpt_neox.final_layer_norm.weight",
        ),
        (
            lambda: of(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2), GPT2LMHeadModel),
            True,
            "transformer.ln_f.weight",
        ),
    ],
    ids=["olmo", "llama", "gemma", "gpt-neox", "gpt2"],
)
def test_the_last_norm_is_found_by_what_it_does(model, subtracts_mean: bool, gain: str) -> None:
    made = model()
    found = final_norm(made)
    weights = dict(made.named_parameters())
    expected = torch.ones(16)
    if gain is not None:
        expected = weights[gain.removeprefix("1 + ")].detach() + gain.startswith("1 + ")
    assert torch.equal(found.gain.float(), expected.float())
    assert found.subtracts_mean == subtracts_mean
    assert not any(module._forward_hooks for module in made.modules())
    # W~ of a real model: a shift that softmax and norm ignore changes no log-probability
    head = made.get_output_embeddings().weight
    tokens = torch.arange(10)[None]
    with torch.no_grad():
        before, W = made(tokens).logits.log_softmax(-1), head.detach().clone()
        shifted = W + torch.randn(16)
        made.get_output_embeddings().weight = torch.nn.Parameter(shifted)  # apart from a tied E
        assert torch.allclose(made(tokens).logits.log_softmax(-1), before, atol=1e-4)
    a, b = (singular_values(projected(X, found)) for X in (W, shifted))
    assert np.allclose(a, b, atol=1e-5)


def test_a_model_whose_last_norm_is_not_known_is_refused() -> None:
    shape = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    opt = OPTConfig(**shape, ffn_dim=24, word_embed_proj_dim=8, do_layer_norm_before=False)
    with pytest.raises(NoNormError, match="Linear, which is no norm"):
        final_norm(of(opt, OPTForCausalLM))
    capped = of(LlamaConfig(**LLAMA), LlamaForCausalLM)
    capped.config.final_logit_softcapping = 30.0
    with pytest.raises(NoNormError, match="capped"):
        final_norm(capped)
