"""The matrices of every known family are those that its layers compute with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.activations import ACT2FN

from disentangle.geometry.decomposition import singular_values
from disentangle.geometry.families import FAMILIES, UnknownFamilyError, family_of
from disentangle.geometry.layer_weights import (
    LayerWeights,
    layer_weights,
    product_spectrum,
    weight_spectra,
)

D, HEADS, LAYERS = 24, 4, 2
COMMON = {
    "vocab_size": 60, "hidden_size": D, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "max_position_embeddings": 32, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
GROUPED = {"intermediate_size": 40, "num_key_value_heads": 2, "head_dim": 6}
GPT = {
    "vocab_size": 60, "n_embd": D, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 32,
    "n_inner": 40, "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(FAMILIES, COMMON | GROUPED),
    "gpt_neox": COMMON | {"intermediate_size": 40},
    "gpt2": GPT,
    "gptj": GPT | {"rotary_dim": 4},
    "opt": COMMON | {"ffn_dim": 40, "word_embed_proj_dim": D},
    "phi": COMMON | {"intermediate_size": 40, "partial_rotary_factor": 1.0},
}


def model_of(name: str) -> PreTrainedModel:
    """A small model of an architecture, its biases zero and its norms not trivial."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(name, **SETTINGS[name])
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").double().eval()
    for key, weight in model.named_parameters():
        if key.endswith("bias"):
            weight.data.zero_()
        elif weight.ndim == 2:
            weight.data = torch.randn_like(weight) / weight.shape[-1] ** 0.5
    return model


def weights_of(model: PreTrainedModel, layer: int) -> LayerWeights:
    return layer_weights(
        family_of(model.config.model_type), model.config, layer, model.state_dict().__getitem__
    )


def inputs_and_outputs(
    model: PreTrainedModel, module: str, **arguments: Any
) -> tuple[torch.Tensor, Any, Any]:
    """What a module gets and gives when the model reads tokens."""
    found: list[Any] = []

    def note(_: object, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        found.append((args[0] if args else kwargs["hidden_states"], output))

    handle = model.get_submodule(module).register_forward_hook(note, with_kwargs=True)
    with torch.no_grad():
        result = model(**arguments)
    handle.remove()
    return *found[0], result


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_ov_is_what_attention_writes_of_a_single_token(name: str) -> None:
    model, family = model_of(name), FAMILIES[name]
    attention = f"{family.layers}.1.{family.o.rpartition('.')[0]}"
    x, output, _ = inputs_and_outputs(model, attention, input_ids=torch.tensor([[7]]))
    weights = weights_of(model, 1)
    written = sum(A @ (B @ x[0, 0]) for A, B in map(weights.ov, range(HEADS)))
    given = output[0] if isinstance(output, tuple) else output
    assert torch.allclose(written, given[0, 0], atol=1e-10)


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - {"qwen3", "olmo2", "gpt2", "opt"}))
def test_qk_is_how_a_position_scores_another(name: str) -> None:
    """Two tokens at one position, so that the rotation between them is none."""
    model, family = model_of(name), FAMILIES[name]
    attention = f"{family.layers}.1.{family.o.rpartition('.')[0]}"
    x, _, result = inputs_and_outputs(
        model, attention, input_ids=torch.tensor([[7, 30]]),
        position_ids=torch.tensor([[0, 0]]), output_attentions=True,
    )  # fmt: skip
    of_second = result.attentions[1][0, :, 1].log()
    weights = weights_of(model, 1)
    scale = getattr(model.config, "query_pre_attn_scalar", None) or D // HEADS
    for head in range(HEADS):
        A, B = weights.qk(head)
        scores = (x[0, 1] @ A) @ (B @ x[0].T) / scale**0.5
        if cap := getattr(model.config, "attn_logit_softcapping", None):
            scores = torch.tanh(scores / cap) * cap
        assert float(scores[0] - scores[1]) == pytest.approx(
            float(of_second[head, 0] - of_second[head, 1]), abs=1e-6
        )


@pytest.mark.parametrize("name", ["gpt2", "opt"])
def test_qk_of_learned_positions(name: str) -> None:
    model, family = model_of(name), FAMILIES[name]
    attention = f"{family.layers}.1.{family.o.rpartition('.')[0]}"
    x, _, result = inputs_and_outputs(
        model, attention, input_ids=torch.tensor([[7, 30]]), output_attentions=True
    )
    of_second = result.attentions[1][0, :, 1].log()
    weights = weights_of(model, 1)
    for head in range(HEADS):
        A, B = weights.qk(head)
        scores = (x[0, 1] @ A) @ (B @ x[0].T) / (D // HEADS) ** 0.5
        assert float(scores[0] - scores[1]) == pytest.approx(
            float(of_second[head, 0] - of_second[head, 1]), abs=1e-6
        )


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - {"opt"}))
def test_gate_up_and_down_are_the_mlp(name: str) -> None:
    model, family = model_of(name), FAMILIES[name]
    mlp = f"{family.layers}.1.{family.down.rpartition('.')[0]}"
    found: list[Any] = []
    handle = model.get_submodule(mlp).register_forward_hook(
        lambda _, args, output: found.append((args[0], output))
    )
    with torch.no_grad():
        model(input_ids=torch.tensor([[7]]))
    handle.remove()
    (x, output), weights = found[0], weights_of(model, 1)
    config = model.config
    names = ("hidden_activation", "hidden_act", "activation_function")
    act: Callable[[torch.Tensor], torch.Tensor] = ACT2FN[
        next(getattr(config, n) for n in names if getattr(config, n, None))
    ]
    inner = weights.up @ x[0, 0]
    inner = act(inner) if weights.gate is None else act(weights.gate @ x[0, 0]) * inner
    assert torch.allclose(weights.down @ inner, output[0, 0], atol=1e-6)


def test_every_matrix_has_its_spectrum() -> None:
    model = model_of("llama")
    found = list(weight_spectra(model.config, model.state_dict().__getitem__))
    places = [(s.matrix, s.layer, s.head) for s in found]
    each = ["q", "k", "v", "o", "gate", "up", "down"]
    expected: list[tuple[str, int | None, int | None]] = [("E", None, None)]
    for layer in range(LAYERS):
        expected += [(name, layer, None) for name in each]
        expected += [(name, layer, head) for name in ("OV", "QK") for head in range(HEADS)]
    assert places == expected
    by_place = dict(zip(places, found, strict=True))
    down = model.get_submodule("model.layers.1.mlp.down_proj").weight
    sigma = np.linalg.svd(down.detach().numpy(), compute_uv=False)
    assert np.allclose(by_place["down", 1, None].sigma, sigma, atol=1e-12)
    assert by_place["down", 1, None].shape == (D, 40)
    A, B = weights_of(model, 1).ov(3)
    circuit = by_place["OV", 1, 3]
    assert circuit.shape == (D, D) and len(circuit.sigma) == D // HEADS
    assert np.allclose(circuit.sigma, singular_values(A @ B)[:6], atol=1e-12)


def test_the_spectrum_of_a_product_needs_no_product() -> None:
    A, B = torch.randn(30, 5, dtype=torch.float64), torch.randn(5, 20, dtype=torch.float64)
    expected = np.linalg.svd((A @ B).numpy(), compute_uv=False)
    assert np.allclose(product_spectrum(A, B), expected[:5], atol=1e-12)
    wide = product_spectrum(A.T, A)  # wider than tall: r above d
    assert np.allclose(wide, np.linalg.svd((A.T @ A).numpy(), compute_uv=False), atol=1e-12)


def test_an_unknown_family_is_said() -> None:
    with pytest.raises(UnknownFamilyError, match="'mamba' models are not known"):
        family_of("mamba")
