"""The spectra of every matrix of a model's folder, one tensor at a time.

It needs the safetensors and the configuration alone: no transformers, and no model in memory.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import torch

from disentangle.checkpoint.model_place import find
from disentangle.checkpoint.unembedding import read_config, tensors_of, vocabulary_rows
from disentangle.errors import StudyError
from disentangle.geometry.families import UnknownFamilyError, family_of
from disentangle.geometry.layer_weights import WeightSpectrum, weight_spectra
from disentangle.geometry.metrics import spectrum_row

__all__ = ["folder_spectra", "measure_all", "row_of"]

NAMES = {
    "num_hidden_layers": ("n_layer", "num_layers"),
    "num_attention_heads": ("n_head", "num_heads"),
    "num_key_value_heads": (),
}
"""What we read of a configuration, and how older ones call it."""


def folder_spectra(folder: Path) -> tuple[int, Iterator[WeightSpectrum]]:
    """How many matrices a model's folder has, and the spectrum of each, one by one.

    A circuit counts as a matrix. The embedding is without the rows that pad the vocabulary, as far
    as the folder tells.

    Raises:
        StudyError: if the architecture is not known, or a file is damaged or lacks a tensor.
    """
    given = read_config(folder)
    config = SimpleNamespace(model_type=given.get("model_type", ""))
    for name, others in NAMES.items():
        values = [given[key] for key in (name, *others) if isinstance(given.get(key), int)]
        setattr(config, name, values[0] if values else None)
    try:
        family = family_of(config.model_type)
    except UnknownFamilyError as unknown:
        raise StudyError(f"{folder}: {unknown}.") from None
    if not config.num_hidden_layers or not config.num_attention_heads:
        raise StudyError(f"{folder}: its config.json does not tell its layers and heads")
    kept = tensors_of(folder)
    embedding = f"{family.embedding}.weight"

    def tensors(name: str) -> torch.Tensor:
        found = kept(name)
        return found[: vocabulary_rows(folder, len(found))] if name == embedding else found

    of_a_layer = 6 + bool(family.gate) + 2 * config.num_attention_heads
    return 1 + config.num_hidden_layers * of_a_layer, weight_spectra(config, tensors)


def measure_all(model: str | Path) -> pd.DataFrame:
    """Every matrix of a model: each layer's, each head's OV and QK circuits, and the embedding.

    Args:
        model: a Hugging Face folder with safetensors, or hf:owner/name[@revision] on the hub. One
            tensor is in memory at a time.

    Returns:
        A row for each matrix: matrix, layer, head, rows, columns, the metrics of its singular
        values, and `singular_values` themselves.

    Raises:
        StudyError: as `folder_spectra`; if there is no such model, or it cannot be fetched.
    """
    _, spectra = folder_spectra(find(model).path)
    return pd.DataFrame(map(row_of, spectra))


def row_of(found: WeightSpectrum) -> dict[str, Any]:
    """The columns of the table of matrices for one of them."""
    return spectrum_row(found.to_json())
