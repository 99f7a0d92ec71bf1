"""The matrices of one checkpoint, loaded and checked. Imports the heavy libraries."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from disentangle.checkpoint.guard import Checkpoint, load_checkpoint, measuring_device
from disentangle.geometry.matrix import Matrix
from disentangle.geometry.model_matrices import ModelMatrices
from disentangle.vocabulary.matrices import Kind

SAMPLING = "distinct passages of the domain, the first in order of their texts' hashes"
"""How `corpus.documents.gather_passages` draws the passages that H is computed on. A passage
without a token gives no row, so the matrix may have fewer rows than `passages`."""


class Matrices:
    """The matrices of one checkpoint of a study."""

    def __init__(self, folder: Path, max_tokens: int, threads: int) -> None:
        """Load the checkpoint; see `load_checkpoint` for when it is quarantined."""
        torch.set_num_threads(threads)
        checkpoint: Checkpoint = load_checkpoint(folder, measuring_device())

        def tokenizer() -> PreTrainedTokenizerBase:
            return AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )

        self._matrices = ModelMatrices(
            checkpoint.model,
            tokenizer,
            unembedding=checkpoint.unembedding,
            embedding=checkpoint.embedding,
            max_tokens=max_tokens,
            called=f"{checkpoint.manifest.run} step {checkpoint.manifest.step}",
        )

    def of(self, kind: Kind, texts: list[str] | None) -> tuple[Matrix, dict[str, Any]]:
        """A matrix of the checkpoint, and its numerics; see `ModelMatrices.of`."""
        matrix, numerics = self._matrices.of(kind, texts)
        return matrix, numerics if texts is None else numerics | {"sampling": SAMPLING}
