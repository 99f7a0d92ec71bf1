"""From an OLMo model in memory to a native Hugging Face folder, and back."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from olmo.config import ActivationType, BlockType, LayerNormType, ModelConfig
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, Olmo2Config, OlmoConfig

from disentangle.checkpoint.manifest import (
    CONFIG,
    WEIGHTS,
    CheckpointManifest,
    read_checkpoint,
    tokenizer_hashes,
    weights_are_not_here,
)
from disentangle.errors import StudyError
from disentangle.storage import sha256_of

_COMMON = {
    "rope": True,
    "alibi": False,
    "include_bias": False,
    "block_type": BlockType.sequential,
    "block_group_size": 1,
    "activation_type": ActivationType.swiglu,
    "embedding_layer_norm": False,
    "scale_logits": False,
}
_Family = type[OlmoConfig] | type[Olmo2Config] | type[LlamaConfig]

_FAMILIES: dict[_Family, dict[str, Any]] = {
    OlmoConfig: {
        "norm_after": False,
        "layer_norm_type": LayerNormType.default,
        "layer_norm_with_affine": False,
        "layer_norm_eps": 1e-5,  # a constant there
        "attention_layer_norm": False,
    },
    Olmo2Config: {
        "norm_after": True,
        "layer_norm_type": LayerNormType.rms,
        "layer_norm_with_affine": True,
        "bias_for_layer_norm": False,
        "attention_layer_norm": True,
        "attention_layer_norm_with_affine": True,
        "clip_qkv": None,
    },
    LlamaConfig: {
        "norm_after": False,
        "layer_norm_type": LayerNormType.rms,
        "layer_norm_with_affine": True,
        "bias_for_layer_norm": False,
        "attention_layer_norm": False,
        "clip_qkv": None,
    },
}
"""The OLMo models that transformers computes exactly: its config class to the required options."""

_NORMS: dict[_Family, dict[str, str]] = {
    OlmoConfig: {},
    Olmo2Config: {
        "q_norm": "self_attn.q_norm",
        "k_norm": "self_attn.k_norm",
        "attn_norm": "post_attention_layernorm",
        "ff_norm": "post_feedforward_layernorm",
    },
    LlamaConfig: {"attn_norm": "input_layernorm", "ff_norm": "post_attention_layernorm"},
}
"""A block's norms that have weights: OLMo's name to transformers'."""


def _family(config: ModelConfig) -> _Family:
    """OLMo 2 normalises after its blocks. The first OLMo does so before them, without weights;
    with weights, as in DataDecide's models, it is a Llama."""
    if config.norm_after:
        return Olmo2Config
    return LlamaConfig if config.layer_norm_type == LayerNormType.rms else OlmoConfig


def inexact(config: ModelConfig) -> str | None:
    """The option that prevents an exact mapping, such as `rope=False`; None if there is none."""
    actual = {field: getattr(config, field) for field in ModelConfig.__dataclass_fields__}
    if actual["bias_for_layer_norm"] is None:
        actual["bias_for_layer_norm"] = config.include_bias
    for field, value in _COMMON.items():
        if actual[field] != value:
            return f"{field}={actual[field]}"
    for field, value in _FAMILIES[_family(config)].items():
        if actual[field] != value:
            return f"norm_after={config.norm_after} and {field}={actual[field]}"
    return None


def _hidden(config: ModelConfig) -> int:
    """Rows of the fused SwiGLU inputs."""
    return config.mlp_hidden_size or config.mlp_ratio * config.d_model


def mapping(config: ModelConfig) -> dict[str, dict[str, int]]:
    """Each OLMo weight to the transformers weights that are stacked in it, with their rows.

    OLMo fuses query, key and value (`att_proj`) and the two SwiGLU inputs (`ff_proj`, value
    first, gate second); Hugging Face keeps them apart.
    """
    fault = inexact(config)
    assert fault is None, f"cannot export OLMo with {fault}"
    width, gated = config.d_model, _hidden(config) // 2
    shared = config.d_model // config.n_heads * config.effective_n_kv_heads
    vocabulary = config.embedding_size or config.vocab_size
    found = {"transformer.wte.weight": {"model.embed_tokens.weight": vocabulary}}
    if not config.weight_tying:
        found["transformer.ff_out.weight"] = {"lm_head.weight": vocabulary}
    norms = _NORMS[_family(config)]
    if norms:
        found["transformer.ln_f.weight"] = {"model.norm.weight": width}
    for i in range(config.n_layers):
        ours, theirs = f"transformer.blocks.{i}", f"model.layers.{i}"
        found |= {
            f"{ours}.att_proj.weight": {
                f"{theirs}.self_attn.q_proj.weight": width,
                f"{theirs}.self_attn.k_proj.weight": shared,
                f"{theirs}.self_attn.v_proj.weight": shared,
            },
            f"{ours}.ff_proj.weight": {
                f"{theirs}.mlp.up_proj.weight": gated,
                f"{theirs}.mlp.gate_proj.weight": gated,
            },
            f"{ours}.attn_out.weight": {f"{theirs}.self_attn.o_proj.weight": width},
            f"{ours}.ff_out.weight": {f"{theirs}.mlp.down_proj.weight": width},
        }
        for our_norm, their_norm in norms.items():
            rows = shared if our_norm == "k_norm" else width
            found[f"{ours}.{our_norm}.weight"] = {f"{theirs}.{their_norm}.weight": rows}
    return found


def to_hugging_face(
    state: Mapping[str, torch.Tensor], config: ModelConfig
) -> dict[str, torch.Tensor]:
    """Rename and split OLMo's weights into those of the equivalent transformers model."""
    exported: dict[str, torch.Tensor] = {}
    for ours, parts in mapping(config).items():
        exported |= dict(zip(parts, state[ours].split(list(parts.values())), strict=True))
    return {name: tensor.detach().cpu().contiguous() for name, tensor in exported.items()}


def from_hugging_face(
    exported: Mapping[str, torch.Tensor], config: ModelConfig
) -> dict[str, torch.Tensor]:
    """Inverse of `to_hugging_face`: fuse and rename."""
    return {
        ours: torch.cat([exported[theirs] for theirs in parts])
        for ours, parts in mapping(config).items()
    }


def read_olmo_weights(folder: Path, config: ModelConfig) -> dict[str, torch.Tensor]:
    """OLMo's weights from a checkpoint folder that `write_checkpoint` made.

    Raises:
        StudyError: if the weights do not match the folder's manifest.
    """
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise StudyError(weights_are_not_here(folder))
    if sha256_of(weights) != read_checkpoint(folder).weights_sha256:
        raise StudyError(
            f"{weights} does not match its manifest: the SHA-256 differs.\n"
            f"Delete {folder} and the run's manifest to make that checkpoint again."
        )
    return from_hugging_face(load_file(weights), config)


def hugging_face_config(config: ModelConfig) -> OlmoConfig | Olmo2Config | LlamaConfig:
    """The configuration under which the exported weights compute what OLMo computes."""
    family = _family(config)
    own: dict[str, Any] = {"rms_norm_eps": config.layer_norm_eps}
    if family is OlmoConfig:
        own = {} if config.clip_qkv is None else {"clip_qkv": config.clip_qkv}
    return family(
        vocab_size=config.embedding_size or config.vocab_size,
        hidden_size=config.d_model,
        intermediate_size=_hidden(config) // 2,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        num_key_value_heads=config.effective_n_kv_heads,
        max_position_embeddings=config.max_sequence_length,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
        tie_word_embeddings=config.weight_tying,
        rope_parameters={"rope_type": "default", "rope_theta": float(config.rope_theta)},
        attention_bias=False,
        architectures=[family.__name__.replace("Config", "ForCausalLM")],
        dtype="float32",
        **own,
    )


def write_checkpoint(
    folder: Path,
    state: Mapping[str, torch.Tensor],
    config: ModelConfig,
    tokenizer_folder: Path,
    manifest: CheckpointManifest,
) -> str:
    """Write a checkpoint folder atomically.

    Args:
        folder: the folder to make; an existing one is replaced.
        state: OLMo's state dict.
        config: OLMo's model configuration.
        tokenizer_folder: its files are copied beside the weights.
        manifest: complete except for the hashes, which are computed here.

    Returns:
        The SHA-256 of the weights file.
    """
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    save_file(to_hugging_face(state, config), making / WEIGHTS, metadata={"format": "pt"})
    hugging_face_config(config).save_pretrained(making)
    for file in sorted(tokenizer_folder.glob("tokenizer*.json")):
        shutil.copyfile(file, making / file.name)
    sha256 = sha256_of(making / WEIGHTS)
    replace(
        manifest,
        weights_sha256=sha256,
        tokenizer=tokenizer_hashes(making),
        config_sha256=sha256_of(making / CONFIG),
    ).write(making)
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return sha256
