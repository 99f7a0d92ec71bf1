"""Load any model that is measured outside of a study. Imports the heavy libraries."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.importing import load_model
from disentangle.checkpoint.manifest import MANIFEST, tokenizer_files
from disentangle.checkpoint.source_files import fault_of_places, holder_of_files
from disentangle.checkpoint.source_tokenizer import load_tokenizer
from disentangle.errors import QuarantineError, StudyError
from disentangle.study.external import is_olmo

__all__ = ["LoadedModel", "load"]


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, in evaluation mode, with float32 weights."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase | None
    rows: int
    """Vocabulary rows in use; all of the head's if it has no tokenizer."""
    no_tokenizer: str = ""
    """Why it has none."""

    @property
    def unembedding(self) -> torch.Tensor:
        """W, rows in use x d."""
        head: Any = self.model.get_output_embeddings()
        W: torch.Tensor = head.weight.detach()[: self.rows]
        return W

    @property
    def embedding(self) -> torch.Tensor | None:
        """E, the same rows; None if it is narrower than W or wider."""
        found: Any = self.model.get_input_embeddings()
        E: torch.Tensor = found.weight.detach()[: self.rows]
        return E if E.shape == self.unembedding.shape else None


def load(folder: Path, device: str) -> LoadedModel:
    """Load a model's folder: ours, with a manifest that it must match, or somebody else's.

    No code of the folder is run, and pickled weights are read as tensors only.

    Args:
        folder: of Hugging Face's format, or a checkpoint of ai2-olmo's trainer.
        device: where the model goes, such as cpu.

    Raises:
        StudyError: if it cannot be loaded, or is not what its manifest says.
    """
    try:
        if (folder / MANIFEST).is_file():
            checkpoint = load_checkpoint(folder, device)
            model = checkpoint.model
            return LoadedModel(model, load_tokenizer(folder, None, model), checkpoint.manifest.rows)
        return _load_elsewheres(folder, device)
    except QuarantineError as fault:
        reason = fault.reason
    except ValueError as fault:
        reason = str(fault)
    raise StudyError(f"{folder} cannot be measured: {reason}.")


def _load_elsewheres(folder: Path, device: str) -> LoadedModel:
    if outside := fault_of_places(folder, holder_of_files(folder)):
        raise ValueError(outside)
    model: Any = load_model(folder)
    head = model.get_output_embeddings()
    if head is None:
        raise ValueError(f"{type(model).__name__} does not tell which of its layers is the head")
    model = model.to(device)
    rows = len(head.weight)
    if not (is_olmo(folder) or tokenizer_files(folder)):  # transformers would make an empty one
        return LoadedModel(model, None, rows, "there is no tokenizer in its folder")
    try:
        tokenizer = load_tokenizer(folder, None, model)
    except ValueError as fault:
        return LoadedModel(model, None, rows, str(fault))
    return LoadedModel(model, tokenizer, min(rows, len(tokenizer)))
