"""W and H of one loaded checkpoint. Imports the heavy libraries."""

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from disentangle.checkpoint.guard import Checkpoint, load_checkpoint, measuring_device
from disentangle.geometry.matrix import Matrix
from disentangle.geometry.representations import last_token_representations
from disentangle.provenance import versions

SAMPLING = "distinct passages of the domain, the first in order of their texts' hashes"
"""How `corpus.documents.gather_passages` draws the passages that H is computed on. A passage
without a token gives no row, so the matrix may have fewer rows than `passages`."""


class Matrices:
    """The matrices of one checkpoint, loaded and checked."""

    def __init__(self, folder: Path, max_tokens: int, threads: int) -> None:
        """Load the checkpoint; see `load_checkpoint` for when it is quarantined."""
        torch.set_num_threads(threads)
        self._folder, self._max_tokens = folder, max_tokens
        self._checkpoint: Checkpoint = load_checkpoint(folder, measuring_device())

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return AutoTokenizer.from_pretrained(
            self._folder, local_files_only=True, trust_remote_code=False
        )

    def of(self, texts: list[str] | None) -> tuple[Matrix, dict[str, Any]]:
        """H on texts, or W if there are none.

        Returns:
            The matrix; and numerics: what its measurements depend on besides the weights.

        Raises:
            MatrixError: if it cannot be measured.
        """
        checkpoint = self._checkpoint
        name = f"{checkpoint.manifest.run} step {checkpoint.manifest.step}"
        numerics: dict[str, Any] = {
            "device": checkpoint.model.device.type,
            "model_dtype": "float32",
            "metric_dtype": "float64",
            **versions("torch", "transformers"),
        }
        if texts is None:
            return Matrix(checkpoint.unembedding, f"W of {name}"), numerics
        H = last_token_representations(checkpoint.model, self._tokenizer, texts, self._max_tokens)
        numerics |= {
            "read": "after final norm, last token",
            "max_tokens": self._max_tokens,
            "passages": len(texts),
            "sampling": SAMPLING,
        }
        return Matrix(H, f"H of {name}"), numerics
