"""Compare the layers of checkpoints with a last checkpoint's. Imports the heavy libraries."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from disentangle.checkpoint.guard import Checkpoint, load_checkpoint, measuring_device
from disentangle.geometry.centering import center
from disentangle.geometry.cka import debiased_linear_cka, linear_cka
from disentangle.geometry.decomposition import singular_values
from disentangle.geometry.effective_ranks import effective_rank
from disentangle.geometry.layers import Place, layer_representations
from disentangle.geometry.matrix import MatrixError
from disentangle.provenance import versions


class LayerComparison:
    """The layers of a last checkpoint, and the comparison of earlier ones with them."""

    def __init__(
        self, last: Path, texts: dict[str, list[str]], max_tokens: int, threads: int
    ) -> None:
        """Store the arguments; nothing is loaded yet.

        Args:
            last: folder of the checkpoint to compare with.
            texts: domain to its passages.
            max_tokens: a passage is read up to this many tokens.
            threads: CPU threads.
        """
        torch.set_num_threads(threads)
        self._last, self._texts, self._max_tokens = last, texts, max_tokens
        self._folder = Path()
        self._checkpoint: Checkpoint | None = None
        self._tokenizer: PreTrainedTokenizerBase | None = None
        self._ends: dict[str, dict[Place, torch.Tensor]] = {}

    def of(self, folder: Path, domain: str) -> dict[str, Any]:
        """Compare a checkpoint's layers on one domain with the last checkpoint's.

        Returns:
            layers: for each layer and part: layer, part, dim, n, cka_to_last,
            cka_to_last_debiased, and proportional_effective_rank before and after centering; and
            numerics.

        Raises:
            QuarantineError: if a checkpoint does not match its manifest.
            MatrixError: if a representation is not finite.
        """
        if domain not in self._ends:
            self._ends[domain] = self._layers(self._last, domain)
        here = self._layers(folder, domain)
        assert self._checkpoint is not None
        numerics = {
            "device": self._checkpoint.model.device.type,
            "model_dtype": "float32",
            "metric_dtype": "float64",
            "read": "last token",
            "max_tokens": self._max_tokens,
            **versions("torch", "transformers"),
        }
        layers = [
            {
                "layer": layer,
                "part": part,
                "dim": X.shape[1],
                "n": X.shape[0],
                "cka_to_last": linear_cka(X, end),
                "cka_to_last_debiased": debiased_linear_cka(X, end),
                "proportional_effective_rank": _proportional_effective_rank(X),
                "proportional_effective_rank_centered": _proportional_effective_rank(center(X)),
            }
            for (layer, part), X in here.items()
            for end in [self._ends[domain][layer, part]]
        ]
        return {"layers": layers, "numerics": numerics}

    def _layers(self, folder: Path, domain: str) -> dict[Place, torch.Tensor]:
        if folder == self._last and domain in self._ends:
            return self._ends[domain]
        if self._checkpoint is None or folder != self._folder:
            self._checkpoint, self._folder = load_checkpoint(folder, measuring_device()), folder
            self._tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        assert self._tokenizer is not None
        layers = layer_representations(
            self._checkpoint.model, self._tokenizer, self._texts[domain], self._max_tokens
        )
        for (layer, part), X in layers.items():
            if not torch.isfinite(X).all():
                raise MatrixError(f"layer {layer} ({part}) of {folder}: its output is not finite")
        return layers


def _proportional_effective_rank(matrix: torch.Tensor) -> float:
    """Effective rank divided by its maximum, the number of singular values."""
    sigma = singular_values(matrix)
    return effective_rank(sigma) / len(sigma)
