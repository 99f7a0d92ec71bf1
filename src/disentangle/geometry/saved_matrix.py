"""Read a matrix from a model's folder or from a file of tensors."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from disentangle.checkpoint.unembedding import (
    holds_safetensors,
    read_tensor,
    read_unembedding,
)
from disentangle.errors import StudyError

HEAD = "the unembedding"


def read_matrix(path: Path, tensor: str | None) -> tuple[str, torch.Tensor]:
    """The name of a matrix, and the matrix.

    Args:
        path: a model's folder, for its unembedding; or a file of tensors.
        tensor: name another tensor of the model, or one of the file's.

    Raises:
        StudyError: if there is no such matrix, or it cannot be read. If the model's weights are
            not safetensors and packages of the extra `train` are missing, the message says so.
    """
    return _of_model(path, tensor) if path.is_dir() else _of_file(path, tensor)


def _of_model(folder: Path, tensor: str | None) -> tuple[str, torch.Tensor]:
    if holds_safetensors(folder):
        if tensor is not None:
            return tensor, read_tensor(folder, tensor)
        return HEAD, read_unembedding(folder)
    try:  # pickled weights and ai2-olmo's cannot be read without the extra `train`
        from disentangle.geometry.loaded_model import load
    except ImportError as absent:
        raise StudyError(
            f"{folder} is no model of safetensors with a config.json and a tokenizer.json. What "
            f"reads others is not installed ({absent}): pip install 'disentangle[train]'"
        ) from None
    loaded = load(folder, "cpu")
    if tensor is not None:
        return tensor, _named(folder, dict(loaded.model.named_parameters()), tensor)
    return HEAD, loaded.unembedding


def _of_file(path: Path, tensor: str | None) -> tuple[str, torch.Tensor]:
    weights = _tensors(path)
    if tensor is None:
        matrices = [name for name, value in weights.items() if value.ndim == 2]
        if len(matrices) != 1:
            there = ", ".join(matrices[:12]) or "none"
            raise StudyError(
                f"{path}: say which matrix, --tensor NAME (or tensor=NAME); there are: {there}"
            )
        tensor = matrices[0]
    return tensor, _named(path, weights, tensor)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, by name; no code in it is run."""
    if not path.is_file():
        raise StudyError(f"There is no {path}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npy":
            return {path.stem: torch.from_numpy(np.load(path, allow_pickle=False))}
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays}
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file may raise any exception
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise StudyError(f"{path} cannot be read as tensors: {reason}") from None
    found = {path.stem: found} if isinstance(found, torch.Tensor) else found
    if not isinstance(found, dict):
        raise StudyError(f"{path} holds no tensors by name")
    return {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}


def _named(path: Path, weights: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    if name not in weights:
        matrices = [known for known, value in weights.items() if value.ndim == 2]
        raise StudyError(f"{path} has no tensor {name}; matrices are: {', '.join(matrices[:12])}")
    return weights[name].detach()
