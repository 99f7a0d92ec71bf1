"""Where each architecture keeps the matrices of its layers.

A family that is not here is said, never guessed: names alone do not tell how q, k and v share a
tensor, or which side of a matrix is its input.
"""

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["FAMILIES", "Family", "UnknownFamilyError", "family_of"]


class UnknownFamilyError(ValueError):
    """The matrices of an architecture are not known; the message names it and those that are."""


@dataclass(frozen=True)
class Family:
    """Names of tensors as a checkpoint's files have them, without `.weight`."""

    embedding: str
    layers: str
    """What comes before a layer's number."""
    q: str
    k: str
    v: str
    o: str
    gate: str
    """Empty if the MLP has no gate."""
    up: str
    down: str
    together: Literal["", "in turn", "by head"] = ""
    """How q, k and v share one tensor, if they do: q, then k, then v; or q, k, v of the first head,
    then of the second."""
    gate_and_up: bool = False
    """Whether gate and up share one tensor, the gate first."""
    transposed: bool = False
    """Whether matrices are stored as input x output, in place of output x input."""


_LLAMA = Family(
    embedding="model.embed_tokens",
    layers="model.layers",
    q="self_attn.q_proj",
    k="self_attn.k_proj",
    v="self_attn.v_proj",
    o="self_attn.o_proj",
    gate="mlp.gate_proj",
    up="mlp.up_proj",
    down="mlp.down_proj",
)

_NEOX = Family(
    embedding="gpt_neox.embed_in",
    layers="gpt_neox.layers",
    q="attention.query_key_value",
    k="attention.query_key_value",
    v="attention.query_key_value",
    o="attention.dense",
    gate="",
    up="mlp.dense_h_to_4h",
    down="mlp.dense_4h_to_h",
    together="by head",
)

_GPT2 = Family(
    embedding="transformer.wte",
    layers="transformer.h",
    q="attn.c_attn",
    k="attn.c_attn",
    v="attn.c_attn",
    o="attn.c_proj",
    gate="",
    up="mlp.c_fc",
    down="mlp.c_proj",
    together="in turn",
    transposed=True,
)

_PHI3 = replace(
    _LLAMA,
    q="self_attn.qkv_proj",
    k="self_attn.qkv_proj",
    v="self_attn.qkv_proj",
    gate="mlp.gate_up_proj",
    up="mlp.gate_up_proj",
    together="in turn",
    gate_and_up=True,
)

_OPT = replace(
    _LLAMA,
    embedding="model.decoder.embed_tokens",
    layers="model.decoder.layers",
    o="self_attn.out_proj",
    gate="",
    up="fc1",
    down="fc2",
)

_GPTJ = Family(
    embedding="transformer.wte",
    layers="transformer.h",
    q="attn.q_proj",
    k="attn.k_proj",
    v="attn.v_proj",
    o="attn.out_proj",
    gate="",
    up="mlp.fc_in",
    down="mlp.fc_out",
)

FAMILIES = {
    **dict.fromkeys(
        ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "olmo", "olmo2", "smollm3"),
        _LLAMA,
    ),
    "phi": replace(_LLAMA, o="self_attn.dense", gate="", up="mlp.fc1", down="mlp.fc2"),
    "phi3": _PHI3,
    "gpt_neox": _NEOX,
    "gpt2": _GPT2,
    "gptj": _GPTJ,
    "opt": _OPT,
}
"""The `model_type` of a configuration, to where its matrices are."""


def family_of(model_type: str) -> Family:
    """The family of an architecture.

    Raises:
        UnknownFamilyError: if it is not known.
    """
    if model_type not in FAMILIES:
        raise UnknownFamilyError(
            f"the matrices of {model_type!r} models are not known; those of these are: "
            f"{', '.join(sorted(FAMILIES))}"
        )
    return FAMILIES[model_type]
