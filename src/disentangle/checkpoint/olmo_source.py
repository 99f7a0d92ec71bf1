"""Convert a model with ai2-olmo's own names to the equivalent transformers model.

It is a checkpoint of ai2-olmo's trainer, whose `config.yaml` has a section `model`, or a folder
that its class for the hub wrote, whose `config.json` has the same keys. The files are not trusted:
only these keys and the tokenizer's name are read, as plain values, and weights as tensors only.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from olmo.config import ModelConfig
from olmo.exceptions import OLMoConfigurationError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from transformers import AutoModelForCausalLM, PreTrainedModel

from disentangle.checkpoint.export import hugging_face_config, inexact, mapping, to_hugging_face
from disentangle.checkpoint.olmo_state import read_hub_state, read_trainers_state
from disentangle.study.external import CONFIG, OLMO_CONFIG

INTERPOLATION = "${"
"""Starts an omegaconf interpolation, which could read environment variables."""


@dataclass(frozen=True)
class OlmoStep:
    """The configuration beside a checkpoint."""

    model: ModelConfig
    tokenizer: str | None
    """As in the trainer's configuration, such as tokenizers/allenai_dolma2.json."""
    file: str
    """The configuration's file."""


def read_olmo_step(source: Path) -> OlmoStep:
    """Read the configuration beside a checkpoint.

    Raises:
        ValueError: with what is wrong, if it is not a model's configuration.
    """
    if (source / CONFIG).is_file():
        return OlmoStep(_model_config(_hub_section(source), CONFIG), None, CONFIG)
    try:
        content = yaml.safe_load((source / OLMO_CONFIG).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{OLMO_CONFIG} is not YAML") from error
    section = content.get("model") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise ValueError(
            f"{OLMO_CONFIG} has no section `model`: ai2-olmo's trainer did not write it"
        )
    named = content.get("tokenizer")
    identifier = named.get("identifier") if isinstance(named, dict) else None
    tokenizer = identifier if isinstance(identifier, str) else None
    return OlmoStep(_model_config(section, f"{OLMO_CONFIG}, under `model`"), tokenizer, OLMO_CONFIG)


def _hub_section(source: Path) -> dict[str, Any]:
    """OLMo's keys of a `config.json`, which has keys of transformers too."""
    content = json.loads((source / CONFIG).read_text(encoding="utf-8"))
    return {key: content[key] for key in ModelConfig.__dataclass_fields__ if key in content}


def _model_config(section: dict[str, Any], where: str) -> ModelConfig:
    if INTERPOLATION in repr(section):
        raise ValueError(f"{where}: it has {INTERPOLATION}...}}; write it out")
    try:
        schema = OmegaConf.structured(ModelConfig)
        model: Any = OmegaConf.to_object(OmegaConf.merge(schema, section))
        shared = model.effective_n_kv_heads
    except (OmegaConfBaseException, OLMoConfigurationError) as error:
        said = str(error).strip().splitlines()[0]
        raise ValueError(f"{where}: {said}") from error
    counts = (model.d_model, model.n_layers, model.n_heads, shared, model.max_sequence_length)
    if min(counts) < 1 or model.d_model % (2 * model.n_heads) or model.n_heads % shared:
        raise ValueError(
            f"{where}: it has d_model={model.d_model}, n_layers={model.n_layers}, "
            f"n_heads={model.n_heads}, which give no valid model"
        )
    return model


def load_olmo(source: Path) -> PreTrainedModel:
    """Load a model with ai2-olmo's own names, with float32 weights.

    Args:
        source: an unsharded checkpoint of the trainer, or a folder of the class for the hub.

    Raises:
        ValueError: if it cannot be loaded, or transformers cannot compute it exactly.
    """
    step = read_olmo_step(source)
    config = step.model
    if fault := inexact(config):
        raise ValueError(f"no transformers model is exactly equivalent to OLMo with {fault}")
    state = read_hub_state(source) if step.file == CONFIG else read_trainers_state(source)
    _check(state, config, step.file)
    exported = to_hugging_face(state, config)
    theirs = hugging_face_config(config)
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(theirs)
    shapes = {name: weight.shape for name, weight in skeleton.state_dict().items()}
    for name, weight in exported.items():
        if weight.shape != shapes[name]:
            raise ValueError(
                f"{name} would be {tuple(weight.shape)}, but {step.file} says {tuple(shapes[name])}"
            )
    model: PreTrainedModel = type(skeleton).from_pretrained(
        None, config=theirs, state_dict=exported, dtype=torch.float32
    )
    return model.eval()


def _check(state: dict[str, torch.Tensor], config: ModelConfig, file: str) -> None:
    """Refuse a state that does not fit the model, before allocating memory for it."""
    if config.n_layers > len(state):
        raise ValueError(
            f"{file} says {config.n_layers} layers, but there are {len(state)} weights"
        )
    expected = mapping(config)
    if absent := sorted(expected.keys() - state.keys()):
        raise ValueError(f"lacks weights of the model ({', '.join(absent[:5])})")
    if further := sorted(state.keys() - expected.keys()):
        raise ValueError(f"contains weights that the model lacks ({', '.join(further[:5])})")
    for name, parts in expected.items():
        weight, rows = state[name], sum(parts.values())
        if weight.layout is not torch.strided or not weight.is_floating_point():
            raise ValueError(f"{name} is not a plain floating-point tensor")
        if not weight.dim() or len(weight) != rows:
            raise ValueError(f"{name} is {tuple(weight.shape)}, but {file} says {rows} rows")
