"""From an OLMo model in memory to a native Hugging Face `OlmoForCausalLM` folder, and back."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from olmo.config import ActivationType, BlockType, LayerNormType, ModelConfig
from safetensors.torch import load_file, save_file
from transformers import OlmoConfig

from disentangle.checkpoint.manifest import (
    WEIGHTS,
    CheckpointManifest,
    read_checkpoint,
    weights_are_not_here,
)
from disentangle.errors import StudyError
from disentangle.storage import sha256_of


def _assert_exportable(config: ModelConfig) -> None:
    """The mapping below is exact for one family of OLMo models only."""
    required = {
        "rope": True,
        "alibi": False,
        "include_bias": False,
        "attention_layer_norm": False,
        "layer_norm_with_affine": False,
        "layer_norm_type": LayerNormType.default,
        "block_type": BlockType.sequential,
        "activation_type": ActivationType.swiglu,
        "embedding_layer_norm": False,
        "norm_after": False,
        "scale_logits": False,
    }
    for field, value in required.items():
        actual = getattr(config, field)
        assert actual == value, f"cannot export OLMo with {field}={actual}"


def to_hugging_face(
    state: Mapping[str, torch.Tensor], config: ModelConfig
) -> dict[str, torch.Tensor]:
    """Rename and split OLMo's weights into `OlmoForCausalLM`'s.

    OLMo fuses query, key and value (`att_proj`) and the two SwiGLU inputs (`ff_proj`, value
    first, gate second); Hugging Face keeps them apart.
    """
    _assert_exportable(config)
    exported = {"model.embed_tokens.weight": state["transformer.wte.weight"]}
    if not config.weight_tying:
        exported["lm_head.weight"] = state["transformer.ff_out.weight"]
    for i in range(config.n_layers):
        ours, theirs = f"transformer.blocks.{i}", f"model.layers.{i}"
        query, key, value = state[f"{ours}.att_proj.weight"].chunk(3)
        up, gate = state[f"{ours}.ff_proj.weight"].chunk(2)
        exported |= {
            f"{theirs}.self_attn.q_proj.weight": query,
            f"{theirs}.self_attn.k_proj.weight": key,
            f"{theirs}.self_attn.v_proj.weight": value,
            f"{theirs}.self_attn.o_proj.weight": state[f"{ours}.attn_out.weight"],
            f"{theirs}.mlp.gate_proj.weight": gate,
            f"{theirs}.mlp.up_proj.weight": up,
            f"{theirs}.mlp.down_proj.weight": state[f"{ours}.ff_out.weight"],
        }
    return {name: tensor.detach().cpu().contiguous() for name, tensor in exported.items()}


def from_hugging_face(
    exported: Mapping[str, torch.Tensor], config: ModelConfig
) -> dict[str, torch.Tensor]:
    """Inverse of `to_hugging_face`: fuse and rename `OlmoForCausalLM`'s weights into OLMo's."""
    _assert_exportable(config)
    state = {"transformer.wte.weight": exported["model.embed_tokens.weight"]}
    if not config.weight_tying:
        state["transformer.ff_out.weight"] = exported["lm_head.weight"]
    for i in range(config.n_layers):
        ours, theirs = f"transformer.blocks.{i}", f"model.layers.{i}"
        attention = [exported[f"{theirs}.self_attn.{part}_proj.weight"] for part in "qkv"]
        gated = [exported[f"{theirs}.mlp.{part}_proj.weight"] for part in ("up", "gate")]
        state |= {
            f"{ours}.att_proj.weight": torch.cat(attention),
            f"{ours}.ff_proj.weight": torch.cat(gated),
            f"{ours}.attn_out.weight": exported[f"{theirs}.self_attn.o_proj.weight"],
            f"{ours}.ff_out.weight": exported[f"{theirs}.mlp.down_proj.weight"],
        }
    return state


def read_olmo_weights(folder: Path, config: ModelConfig) -> dict[str, torch.Tensor]:
    """OLMo's weights from a checkpoint folder that `write_checkpoint` made.

    Raises:
        StudyError: if the weights are not what the folder's manifest says.
    """
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise StudyError(weights_are_not_here(folder))
    if sha256_of(weights) != read_checkpoint(folder).weights_sha256:
        raise StudyError(
            f"{weights} is not what its manifest says: the SHA-256 differs.\n"
            f"Delete {folder} and the run's manifest to have that checkpoint made again."
        )
    return from_hugging_face(load_file(weights), config)


def hugging_face_config(config: ModelConfig) -> OlmoConfig:
    """The `OlmoConfig` under which the exported weights compute what OLMo computes."""
    hidden = config.mlp_hidden_size or config.mlp_ratio * config.d_model
    exported = OlmoConfig(
        vocab_size=config.embedding_size or config.vocab_size,
        hidden_size=config.d_model,
        intermediate_size=hidden // 2,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        max_position_embeddings=config.max_sequence_length,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
        tie_word_embeddings=config.weight_tying,
        rope_parameters={"rope_type": "default", "rope_theta": float(config.rope_theta)},
        attention_bias=False,
        architectures=["OlmoForCausalLM"],
        dtype="float32",
    )
    return exported


def write_checkpoint(
    folder: Path,
    state: Mapping[str, torch.Tensor],
    config: ModelConfig,
    tokenizer_folder: Path,
    manifest: CheckpointManifest,
) -> str:
    """Write a checkpoint folder, whole or not at all.

    Args:
        folder: the folder to make; one that is there is replaced.
        state: OLMo's state dict.
        config: OLMo's model configuration.
        tokenizer_folder: its files are copied beside the weights.
        manifest: all of it but `weights_sha256`, which is computed here.

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
    replace(manifest, weights_sha256=sha256).write(making)
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return sha256
