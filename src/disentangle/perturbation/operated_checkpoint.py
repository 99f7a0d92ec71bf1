"""Make a checkpoint folder by an operation on the matrices of another."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from disentangle.checkpoint.changed import FOUND, write_changed
from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import CheckpointManifest
from disentangle.checkpoint.probe import probe_loss
from disentangle.perturbation.calibration import fingerprint
from disentangle.study.sections.surgery import Operation
from disentangle.surgery.operate import operate

__all__ = ["TEMPERATURE", "settings_of", "write_operated"]

TEMPERATURE = "scale_of_logits"
"""Key of what was found: by what W was multiplied after a power of it; None if it was not."""


def write_operated(
    base: Path,
    folder: Path,
    operation: Operation,
    sequences: torch.Tensor | None,
    *,
    name: str,
    code_version: str,
    device: str,
) -> CheckpointManifest:
    """Write a checkpoint folder with another's weights after an operation, completely or not at
    all.

    Args:
        base: the checkpoint folder to start from; it is not changed.
        folder: the folder to make; an existing one is replaced.
        operation: what to do.
        sequences: see `operate`.
        name: of the operation.
        code_version: hash of the code that makes it.
        device: the device to compute on.

    Returns:
        The manifest of the new checkpoint, whose `settings` are `settings_of` it and, under
        `FOUND`, the temperature.

    Raises:
        QuarantineError: if the base does not match its manifest.
        UnreachableError, StudyError: see `operate`.
    """
    checkpoint = load_checkpoint(base, device)
    before, model = checkpoint.manifest, checkpoint.model
    scale = operate(model, before.rows, operation, sequences)
    probe = torch.tensor(before.probe_tokens, device=model.device)
    manifest = replace(
        before,
        dtype="float32",
        source=f"surgery {name} of {before.run} step {before.step}",
        code_version=code_version,
        probe_loss=probe_loss(model, probe),
        settings=settings_of(before, operation, sequences) | {FOUND: {TEMPERATURE: scale}},
    )
    return write_changed(model, base, folder, manifest)


def settings_of(
    base: CheckpointManifest, operation: Operation, sequences: torch.Tensor | None
) -> dict[str, Any]:
    """What distinguishes operations on one checkpoint, in their manifests."""
    return {
        "method": "surgery",
        "operation": operation.model_dump(mode="json", exclude_none=True),
        "calibration": None if sequences is None else fingerprint(sequences),
        "base_weights_sha256": base.weights_sha256,
    }
