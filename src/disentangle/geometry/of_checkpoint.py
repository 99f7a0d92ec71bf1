"""The matrices of one loaded checkpoint. Imports the heavy libraries."""

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from disentangle.checkpoint.guard import Checkpoint, load_checkpoint, measuring_device
from disentangle.geometry.final_norm import FinalNorm, NoNormError, final_norm
from disentangle.geometry.function_level import fisher, logit, projected
from disentangle.geometry.matrix import Matrix
from disentangle.geometry.passages import encode
from disentangle.geometry.representations import Representations, representations
from disentangle.provenance import versions
from disentangle.vocabulary.matrices import FISHER, LOGIT, PROJECTED, H, Kind, W

SAMPLING = "distinct passages of the domain, the first in order of their texts' hashes"
"""How `corpus.documents.gather_passages` draws the passages that H is computed on. A passage
without a token gives no row, so the matrix may have fewer rows than `passages`."""


class Matrices:
    """The matrices of one checkpoint, loaded and checked."""

    def __init__(self, folder: Path, max_tokens: int, threads: int) -> None:
        """Load the checkpoint; see `load_checkpoint` for when it is quarantined."""
        torch.set_num_threads(threads)
        self._folder, self._max_tokens = folder, max_tokens
        self._of_texts: dict[tuple[str, ...], Representations] = {}
        self._checkpoint: Checkpoint = load_checkpoint(folder, measuring_device())

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return AutoTokenizer.from_pretrained(
            self._folder, local_files_only=True, trust_remote_code=False
        )

    def of(self, kind: Kind, texts: list[str] | None) -> tuple[Matrix, dict[str, Any]]:
        """A matrix of the checkpoint.

        Args:
            kind: which one.
            texts: the passages of its domain, if it has one.

        Returns:
            The matrix; and numerics: what its measurements depend on besides the weights.

        Raises:
            MatrixError: if it cannot be measured.
            NoNormError: if it needs the last norm, and that is not known.
        """
        checkpoint = self._checkpoint
        numerics: dict[str, Any] = {
            "device": checkpoint.model.device.type,
            "model_dtype": "float32",
            "metric_dtype": "float64",
            **versions("torch", "transformers"),
        }
        if kind in (H, LOGIT):
            numerics["read"] = "after final norm, last token"
        elif kind is FISHER:
            numerics["read"] = "frequencies of the passages' tokens"
        if texts is not None:
            numerics |= {"max_tokens": self._max_tokens, "passages": len(texts)}
            numerics["sampling"] = SAMPLING
        if kind in (PROJECTED, FISHER):
            numerics["norm"] = self._norm.described
        name = f"{kind.name} of {checkpoint.manifest.run} step {checkpoint.manifest.step}"
        stored = checkpoint.unembedding.dtype
        matrix = self._matrix(kind, texts or [])
        space = matrix.shape[1]
        if kind in (PROJECTED, FISHER):
            space -= self._norm.subtracts_mean
        elif kind is LOGIT:
            space = min(space, self._known_space)
        given = Matrix(
            matrix,
            name,
            stored=stored,
            centered_too=kind.centered_too,
            space=space,
            axes_of_w=self._axes_of_w if kind is H else None,
            embedding=checkpoint.embedding if kind is W else None,
            spread=self._representations(texts or []).spread if kind is H else None,
        )
        return given, numerics

    def _matrix(self, kind: Kind, texts: list[str]) -> torch.Tensor:
        unembedding = self._checkpoint.unembedding
        if kind is H:
            return self._representations(texts).last
        if kind is PROJECTED:
            return projected(unembedding, self._norm)
        if kind is FISHER:
            return fisher(unembedding, self._norm, self._counts(texts))
        if kind is LOGIT:
            return logit(unembedding, self._representations(texts).last)
        return unembedding

    @cached_property
    def _axes_of_w(self) -> torch.Tensor:
        return Matrix(self._checkpoint.unembedding, "W").decomposed[1]

    @cached_property
    def _known_space(self) -> int:
        """Dimensions that the head's inputs can have, as far as the last norm tells."""
        d = self._checkpoint.unembedding.shape[1]
        try:
            return d - self._norm.subtracts_mean
        except NoNormError:
            return d

    @cached_property
    def _norm(self) -> FinalNorm:
        return final_norm(self._checkpoint.model)

    def _representations(self, texts: list[str]) -> Representations:
        key = tuple(texts)
        if key not in self._of_texts:  # H and the logits read the same
            self._of_texts[key] = representations(
                self._checkpoint.model, self._tokenizer, texts, self._max_tokens
            )
        return self._of_texts[key]

    def _counts(self, texts: list[str]) -> torch.Tensor:
        """How often each token occurs in the passages, as far as they are read."""
        rows = self._checkpoint.manifest.rows
        encoded = encode(self._tokenizer, texts, self._max_tokens)
        tokens = torch.tensor([token for passage in encoded for token in passage])
        return torch.bincount(tokens, minlength=rows)[:rows]
