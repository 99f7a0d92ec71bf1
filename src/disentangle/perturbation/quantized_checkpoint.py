"""Make a quantised checkpoint folder from another checkpoint folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from disentangle.checkpoint.changed import write_changed
from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import CheckpointManifest
from disentangle.checkpoint.probe import probe_loss
from disentangle.perturbation.calibration import fingerprint
from disentangle.perturbation.gptq import DAMPING
from disentangle.perturbation.quantize import quantize_model

__all__ = ["settings_of", "write_quantized"]


def write_quantized(
    base: Path,
    folder: Path,
    sequences: torch.Tensor,
    *,
    bits: int,
    group_size: int | None,
    code_version: str,
    device: str,
) -> CheckpointManifest:
    """Write a checkpoint folder with the quantised weights of another, completely or not at all.

    The weights are dequantised float32, so anything that loads the base can load the result. The
    result does not depend on paths: equal bases, tokens and settings give equal weights.

    Args:
        base: the checkpoint folder to start from; it is not changed.
        folder: the folder to make; an existing one is replaced.
        sequences: calibration tokens from the base's tokenizer, shape (n, length).
        bits: per weight, 2 to 8.
        group_size: inputs that share a grid; None for a whole row.
        code_version: hash of the code that makes it.
        device: the device to compute on.

    Returns:
        The manifest of the new checkpoint. Its `settings` hold method, bits, group_size, damping,
        the calibration (sequences, length, SHA-256 of the tokens as little-endian int64) and the
        base's weights_sha256; its probe loss is the quantised model's.

    Raises:
        QuarantineError: if the base does not match its manifest.
        StudyError: if it cannot be quantised; see `quantize_model`.
    """
    checkpoint = load_checkpoint(base, device)
    before, model = checkpoint.manifest, checkpoint.model
    quantize_model(model, sequences, bits=bits, group_size=group_size)
    manifest = replace(
        before,
        dtype="float32",
        source=f"gptq of {before.run} step {before.step}",
        code_version=code_version,
        probe_loss=probe_loss(model, torch.tensor(before.probe_tokens, device=model.device)),
        settings=settings_of(before, sequences, bits=bits, group_size=group_size),
    )
    return write_changed(model, base, folder, manifest)


def settings_of(
    base: CheckpointManifest, sequences: torch.Tensor, *, bits: int, group_size: int | None
) -> dict[str, Any]:
    """What distinguishes quantisations of one checkpoint: the `settings` of their manifests."""
    return {
        "method": "gptq",
        "bits": bits,
        "group_size": group_size,
        "damping": DAMPING,
        "calibration": fingerprint(sequences),
        "base_weights_sha256": base.weights_sha256,
    }
