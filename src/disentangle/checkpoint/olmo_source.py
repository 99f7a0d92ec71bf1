"""Convert a checkpoint of ai2-olmo's trainer to the equivalent transformers model.

The files are not trusted: only the model's section and the tokenizer's name are read from
`config.yaml`, as plain values, and weights are read as tensors only.
"""

import base64
import pickletools
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import yaml
from olmo.config import ModelConfig
from olmo.exceptions import OLMoConfigurationError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from disentangle.checkpoint.export import hugging_face_config, inexact, mapping, to_hugging_face
from disentangle.study.external import OLMO_CONFIG, OLMO_WEIGHTS

INTERPOLATION = "${"
"""Starts an omegaconf interpolation, which could read environment variables."""


@dataclass(frozen=True)
class OlmoStep:
    """The configuration beside a trainer's checkpoint."""

    model: ModelConfig
    tokenizer: str | None
    """As in the trainer's configuration, such as tokenizers/allenai_dolma2.json."""


def read_olmo_step(source: Path) -> OlmoStep:
    """Read the `config.yaml` of a trainer's checkpoint.

    Raises:
        ValueError: with what is wrong, if it is not a model's configuration.
    """
    try:
        content = yaml.safe_load((source / OLMO_CONFIG).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{OLMO_CONFIG} is not YAML") from error
    section = content.get("model") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise ValueError(
            f"{OLMO_CONFIG} has no section `model`: ai2-olmo's trainer did not write it"
        )
    if INTERPOLATION in repr(section):
        raise ValueError(f"{OLMO_CONFIG} has {INTERPOLATION}...}} under `model`: write it out")
    try:
        schema = OmegaConf.structured(ModelConfig)
        model: Any = OmegaConf.to_object(OmegaConf.merge(schema, section))
        shared = model.effective_n_kv_heads
    except (OmegaConfBaseException, OLMoConfigurationError) as error:
        said = str(error).strip().splitlines()[0]
        raise ValueError(f"{OLMO_CONFIG}, under `model`: {said}") from error
    counts = (model.d_model, model.n_layers, model.n_heads, shared, model.max_sequence_length)
    if min(counts) < 1 or model.d_model % (2 * model.n_heads) or model.n_heads % shared:
        raise ValueError(
            f"{OLMO_CONFIG} has d_model={model.d_model}, n_layers={model.n_layers}, "
            f"n_heads={model.n_heads}, which give no valid model"
        )
    named = content.get("tokenizer")
    identifier = named.get("identifier") if isinstance(named, dict) else None
    return OlmoStep(model, identifier if isinstance(identifier, str) else None)


def load_olmo(source: Path) -> PreTrainedModel:
    """Load an unsharded checkpoint of ai2-olmo's trainer, with float32 weights.

    Raises:
        ValueError: if it cannot be loaded, or transformers cannot compute it exactly.
    """
    config = read_olmo_step(source).model
    if fault := inexact(config):
        raise ValueError(f"no transformers model is exactly equivalent to OLMo with {fault}")
    state = _read_state(source)
    _check(state, config)
    exported = to_hugging_face(state, config)
    theirs = hugging_face_config(config)
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(theirs)
    shapes = {name: weight.shape for name, weight in skeleton.state_dict().items()}
    for name, weight in exported.items():
        if weight.shape != shapes[name]:
            raise ValueError(
                f"{name} would be {tuple(weight.shape)}, but {OLMO_CONFIG} says "
                f"{tuple(shapes[name])}"
            )
    model: PreTrainedModel = type(skeleton).from_pretrained(
        None, config=theirs, state_dict=exported, dtype=torch.float32
    )
    return model.eval()


def _read_state(source: Path) -> dict[str, torch.Tensor]:
    """OLMo's weights by OLMo's names; safetensors are preferred to pickles."""
    pickled, plain = (source / name for name in OLMO_WEIGHTS)
    if plain.is_file():
        try:
            return {_name(key): weight for key, weight in load_file(plain).items()}
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{plain.name} cannot be read: {error}") from error
    if not pickled.is_file():
        raise ValueError(
            f"it has neither {pickled.name} nor {plain.name}: if it is sharded, use the script in "
            "ai2-olmo's repository: `python scripts/unshard.py --model-only STEP STEP-unsharded`"
        )
    try:
        state = torch.load(pickled, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ValueError(
            f"{pickled.name} contains more than tensors, which is not opened"
        ) from error
    except Exception as error:  # a damaged file can raise anything
        raise ValueError(f"{pickled.name} cannot be read; it is damaged or truncated") from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(weight, torch.Tensor) for name, weight in state.items()
    ):
        raise ValueError(f"{pickled.name} does not map names to weights")
    return state


def _name(key: str) -> str:
    """A weight's name, decoded from the key that `scripts/unshard.py --safe-tensors` writes.

    That key is a pickle of ((name,), False) in base64. It is never unpickled: the only string in it
    is extracted. A plain name is returned unchanged.
    """
    try:
        opcodes = list(pickletools.genops(base64.urlsafe_b64decode(key)))
    except (ValueError, EOFError, IndexError):
        return key
    texts = [argument for _, argument, _ in opcodes if isinstance(argument, str)]
    return texts[0] if len(texts) == 1 else key


def _check(state: dict[str, torch.Tensor], config: ModelConfig) -> None:
    """Refuse a state that does not fit the model, before allocating memory for it."""
    if config.n_layers > len(state):
        raise ValueError(
            f"{OLMO_CONFIG} says {config.n_layers} layers, but there are {len(state)} weights"
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
            raise ValueError(f"{name} is {tuple(weight.shape)}, but {OLMO_CONFIG} says {rows} rows")
