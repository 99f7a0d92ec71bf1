"""Read weights that have ai2-olmo's own names, from files that are not trusted."""

import base64
import pickletools
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

OF_TRAINER = ("model.safetensors", "model.pt")
OF_HUB = ("*.safetensors", "pytorch_model*.bin")
"""Patterns of files with weights, the preferred first."""

PREFIX = "model."
"""What ai2-olmo's class on the hub puts before its names."""


def read_trainers_state(source: Path) -> dict[str, torch.Tensor]:
    """OLMo's weights by OLMo's names, from an unsharded checkpoint of ai2-olmo's trainer.

    Raises:
        ValueError: if there are none, or they cannot be read.
    """
    files = _files(source, OF_TRAINER)
    if not files:
        raise ValueError(
            f"it has neither {' nor '.join(OF_TRAINER)}: if it is sharded, use the script in "
            "ai2-olmo's repository: `python scripts/unshard.py --model-only STEP STEP-unsharded`"
        )
    return {_name(key): weight for key, weight in _weights(files)}


def read_hub_state(source: Path) -> dict[str, torch.Tensor]:
    """The same from a folder that ai2-olmo's class for the hub wrote.

    Raises:
        ValueError: if there are none, or they cannot be read.
    """
    files = _files(source, OF_HUB)
    if not files:
        raise ValueError(f"it has no file like {' or '.join(OF_HUB)}")
    return {key.removeprefix(PREFIX): weight for key, weight in _weights(files)}


def _files(source: Path, patterns: Iterable[str]) -> list[Path]:
    """The files of the first pattern that has any."""
    return next((found for pattern in patterns if (found := sorted(source.glob(pattern)))), [])


def _weights(files: Iterable[Path]) -> Iterable[tuple[str, torch.Tensor]]:
    for file in files:
        state = _read_tensors(file) if file.suffix == ".safetensors" else _read_pickle(file)
        yield from state.items()


def _read_tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file.name} cannot be read: {error}") from error


def _read_pickle(file: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ValueError(f"{file.name} contains more than tensors, which is not opened") from error
    except Exception as error:  # a damaged file can raise anything
        raise ValueError(f"{file.name} cannot be read; it is damaged or truncated") from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(weight, torch.Tensor) for name, weight in state.items()
    ):
        raise ValueError(f"{file.name} does not map names to weights")
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
