"""The spectra of every matrix of one checkpoint. Imports the heavy libraries."""

from pathlib import Path
from typing import Any

import torch

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.geometry.families import family_of
from disentangle.geometry.layer_weights import weight_spectra
from disentangle.provenance import versions


def spectra_of(folder: Path, threads: int) -> dict[str, Any]:
    """Load a checkpoint and measure all its matrices, in float64 and on the CPU.

    Returns:
        spectra: matrix, layer, head, rows, columns and singular_values of each; numerics.
        The embedding is without the rows that pad the vocabulary.

    Raises:
        QuarantineError: as `load_checkpoint`.
        UnknownFamilyError: if the architecture is not known.
    """
    torch.set_num_threads(threads)
    checkpoint = load_checkpoint(folder, "cpu")
    config, weights = checkpoint.model.config, checkpoint.model.state_dict()
    embedding = f"{family_of(config.model_type).embedding}.weight"
    weights[embedding] = weights[embedding][: checkpoint.manifest.rows]
    return {
        "spectra": [spectrum.to_json() for spectrum in weight_spectra(config, weights.__getitem__)],
        "numerics": {"metric_dtype": "float64", **versions("torch", "transformers")},
    }
