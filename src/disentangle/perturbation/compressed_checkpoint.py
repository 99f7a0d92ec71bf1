"""Make a compressed checkpoint folder from another checkpoint folder."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from disentangle.checkpoint.changed import FOUND, write_changed
from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import CheckpointManifest
from disentangle.checkpoint.probe import probe_loss
from disentangle.perturbation.compression import prune_model, truncate_model
from disentangle.study.sections.compression import Truncation

__all__ = ["settings_of", "write_compressed"]


def write_compressed(
    base: Path, folder: Path, how: Truncation | float, *, code_version: str, device: str
) -> CheckpointManifest:
    """Write a checkpoint folder with another's weights compressed, completely or not at all.

    The weights are as many as before, so anything that loads the base can load the result.

    Args:
        base: the checkpoint folder to start from; it is not changed.
        folder: the folder to make; an existing one is replaced.
        how: a truncation, or the sparsity of pruning.
        code_version: hash of the code that makes it.
        device: the device to compute on.

    Returns:
        The manifest of the new checkpoint, whose `settings` are `settings_of` it and, under
        `FOUND`, what compression left: the fields of `compression.Left`.

    Raises:
        QuarantineError: if the base does not match its manifest.
        StudyError: if it cannot be compressed; see `truncate_model` and `prune_model`.
    """
    checkpoint = load_checkpoint(base, device)
    before, model = checkpoint.manifest, checkpoint.model
    if isinstance(how, Truncation):
        left = truncate_model(model, before.rows, how)
    else:
        left = prune_model(model, how)
    settings = settings_of(before, how)
    manifest = replace(
        before,
        dtype="float32",
        source=f"{settings['method']} of {before.run} step {before.step}",
        code_version=code_version,
        probe_loss=probe_loss(model, torch.tensor(before.probe_tokens, device=model.device)),
        settings=settings | {FOUND: asdict(left)},
    )
    return write_changed(model, base, folder, manifest)


def settings_of(base: CheckpointManifest, how: Truncation | float) -> dict[str, Any]:
    """What distinguishes compressions of one checkpoint, in their manifests."""
    said = {"base_weights_sha256": base.weights_sha256}
    if isinstance(how, Truncation):
        return said | {"method": "truncation", "truncation": how.model_dump(mode="json")}
    return said | {"method": "pruning", "sparsity": how}
