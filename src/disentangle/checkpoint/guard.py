"""Load a checkpoint, and quarantine it unless it matches its manifest."""

import math
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from disentangle.checkpoint.manifest import (
    CONFIG,
    WEIGHTS,
    CheckpointManifest,
    read_checkpoint,
    tokenizer_hashes,
    weights_are_not_here,
)
from disentangle.checkpoint.probe import probe_loss
from disentangle.errors import QuarantineError, StudyError
from disentangle.storage import sha256_of

PROBE_TOLERANCE = 1e-3
"""Nats per token. Export is exact; kernels and devices differ in the last digits only."""


@dataclass(frozen=True)
class Checkpoint:
    """A checked model in memory."""

    manifest: CheckpointManifest
    model: PreTrainedModel
    """In evaluation mode, on its device."""

    @property
    def unembedding(self) -> torch.Tensor:
        """W, shape (rows in use, dim), without the rows that pad the vocabulary."""
        return self.model.get_output_embeddings().weight.detach()[: self.manifest.rows]

    @property
    def embedding(self) -> torch.Tensor | None:
        """E, the same rows; None if it is narrower than W or wider."""
        found: Any = self.model.get_input_embeddings().weight
        E: torch.Tensor = found.detach()[: self.manifest.rows]
        return E if E.shape == self.unembedding.shape else None


def measuring_device() -> str:
    """Where models are measured: the GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_checkpoint(folder: Path, device: str) -> Checkpoint:
    """Load a checkpoint folder and check it.

    The checks: weights, configuration and the tokenizer's files have the recorded SHA-256; the file
    has every weight of the model, in its shape; W has the manifest's shape and, if untied, differs
    from the embedding; all weights are finite; and the model's loss on the probe tokens is that of
    the exported model.

    Raises:
        QuarantineError: with the checkpoint and what is wrong with it.
        StudyError: if its weights are missing.
    """
    manifest = read_checkpoint(folder)

    def quarantine(reason: str) -> QuarantineError:
        return QuarantineError(
            f"checkpoint {folder} is quarantined: {reason}.\n"
            "The study continues without it. Repair it, then run again with\n"
            "  --forcerun measure_geometry evaluate_checkpoints",
            reason,
        )

    weights = folder / WEIGHTS
    if not weights.is_file():
        # missing, not damaged: earlier measurements of it stay valid
        raise StudyError(weights_are_not_here(folder))
    if sha256_of(weights) != manifest.weights_sha256:
        raise quarantine(f"{WEIGHTS} was changed; its SHA-256 is not the manifest's")
    differing = manifest.tokenizer.items() ^ tokenizer_hashes(folder).items()
    if manifest.tokenizer and differing:
        files = ", ".join(sorted({name for name, _ in differing}))
        raise quarantine(f"the tokenizer differs from the manifest's: {files}")
    config = folder / CONFIG
    if not config.is_file():
        raise quarantine(f"{CONFIG} is missing")
    if manifest.config_sha256 and sha256_of(config) != manifest.config_sha256:
        raise quarantine(f"{CONFIG} was changed; its SHA-256 is not the manifest's")
    # with output_loading_info it returns a pair, which its annotations omit
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # quarantined below, with their names
            dtype=torch.float32,
        )
    except Exception as error:  # a damaged file can raise anything
        said = shorten(str(error).replace(str(folder), "it"), 300)
        raise quarantine(f"it cannot be loaded: {said}") from error
    model, report = loaded
    for problem in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        if keys := sorted(map(str, report[problem])):
            raise quarantine(f"{problem.replace('_', ' ')}: {', '.join(keys[:5])}")
    checkpoint = Checkpoint(manifest, model.to(device).eval())
    if fault := _fault(checkpoint):
        raise quarantine(fault)
    return checkpoint


def fault_of_weights(model: PreTrainedModel) -> str | None:
    """What is wrong with any model's weights, or None."""
    head: Any = model.get_output_embeddings().weight
    embedding: Any = model.get_input_embeddings().weight
    if head is not embedding and torch.equal(head, embedding):
        return "the head equals the embedding although they are not tied"
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            return f"{name} contains a number that is not finite"
    return None


def _fault(checkpoint: Checkpoint) -> str | None:
    """What is wrong with a loaded checkpoint, or None."""
    manifest, model = checkpoint.manifest, checkpoint.model
    head: torch.Tensor = model.get_output_embeddings().weight
    embedding: Any = model.get_input_embeddings().weight
    if head.shape[0] < manifest.rows or head.shape[1] != manifest.dim:
        return f"W is {tuple(head.shape)}, not ({manifest.rows} or more, {manifest.dim})"
    if (head is embedding) != manifest.tied:
        return f"the head is {'not ' if manifest.tied else ''}tied, contrary to the manifest"
    if fault := fault_of_weights(model):
        return fault
    tokens = torch.tensor(manifest.probe_tokens, device=model.device)
    loss = probe_loss(model, tokens)
    if not math.isclose(loss, manifest.probe_loss, rel_tol=0, abs_tol=PROBE_TOLERANCE):
        return (
            f"its loss on the probe tokens is {loss:.4f}, "
            f"but the exported model's was {manifest.probe_loss:.4f} nats per token"
        )
    return None
