"""The matrices of a model in memory. Imports the heavy libraries."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from disentangle.geometry.final_norm import FinalNorm, NoNormError, final_norm
from disentangle.geometry.function_level import fisher, logit, projected
from disentangle.geometry.matrix import Matrix
from disentangle.geometry.passages import encode
from disentangle.geometry.representations import Representations, representations
from disentangle.provenance import versions
from disentangle.vocabulary.matrices import FISHER, LOGIT, PROJECTED, H, Kind, W


class ModelMatrices:
    """The matrices of one model; each is computed when it is asked for."""

    def __init__(
        self,
        model: PreTrainedModel,
        load_tokenizer: Callable[[], PreTrainedTokenizerBase],
        *,
        unembedding: torch.Tensor,
        embedding: torch.Tensor | None,
        max_tokens: int,
        called: str,
    ) -> None:
        """
        Args:
            model: a causal language model in evaluation mode, on its device.
            load_tokenizer: gives the model's own tokenizer; called once, if text is read.
            unembedding: W, vocabulary rows in use x d.
            embedding: E, the same rows; None if its shape differs.
            max_tokens: a passage is read up to this many tokens.
            called: what messages call the model.
        """
        self._model, self._load_tokenizer = model, load_tokenizer
        self._unembedding, self._embedding = unembedding, embedding
        self._max_tokens, self._called = max_tokens, called
        self._of_texts: dict[tuple[str, ...], Representations] = {}

    def of(self, kind: Kind, texts: list[str] | None) -> tuple[Matrix, dict[str, Any]]:
        """A matrix of the model.

        Args:
            kind: which one.
            texts: the passages of its domain, if it has one.

        Returns:
            The matrix; and numerics: what its measurements depend on besides the weights.

        Raises:
            MatrixError: if it cannot be measured.
            NoNormError: if it needs the last norm, and that is not known.
        """
        numerics: dict[str, Any] = {
            "device": self._model.device.type,
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
        if kind in (PROJECTED, FISHER):
            numerics["norm"] = self._norm.described
        matrix = self._matrix(kind, texts or [])
        space = matrix.shape[1]
        if kind in (PROJECTED, FISHER):
            space -= self._norm.subtracts_mean
        elif kind is LOGIT:
            space = min(space, self._known_space)
        given = Matrix(
            matrix,
            f"{kind.name} of {self._called}",
            stored=self._unembedding.dtype,
            centered_too=kind.centered_too,
            space=space,
            axes_of_w=self._axes_of_w if kind is H else None,
            embedding=self._embedding if kind is W else None,
            spread=self._representations(texts or []).spread if kind is H else None,
        )
        return given, numerics | {"metric_device": given.M.device.type}

    def _matrix(self, kind: Kind, texts: list[str]) -> torch.Tensor:
        if kind is H:
            return self._representations(texts).last
        if kind is PROJECTED:
            return projected(self._unembedding, self._norm)
        if kind is FISHER:
            return fisher(self._unembedding, self._norm, self._counts(texts))
        if kind is LOGIT:
            return logit(self._unembedding, self._representations(texts).last)
        return self._unembedding

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return self._load_tokenizer()

    @cached_property
    def _axes_of_w(self) -> torch.Tensor:
        return Matrix(self._unembedding, "W").decomposed[1]

    @cached_property
    def _known_space(self) -> int:
        """Dimensions that the head's inputs can have, as far as the last norm tells."""
        d = self._unembedding.shape[1]
        try:
            return d - self._norm.subtracts_mean
        except NoNormError:
            return d

    @cached_property
    def _norm(self) -> FinalNorm:
        return final_norm(self._model)

    def _representations(self, texts: list[str]) -> Representations:
        key = tuple(texts)
        if key not in self._of_texts:  # H and the logits read the same
            self._of_texts[key] = representations(
                self._model, self._tokenizer, texts, self._max_tokens
            )
        return self._of_texts[key]

    def _counts(self, texts: list[str]) -> torch.Tensor:
        """How often each token occurs in the passages, as far as they are read."""
        rows = len(self._unembedding)
        encoded = encode(self._tokenizer, texts, self._max_tokens)
        tokens = torch.tensor([token for passage in encoded for token in passage])
        return torch.bincount(tokens, minlength=rows)[:rows]
