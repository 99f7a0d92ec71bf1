"""Make a quantised checkpoint folder from another checkpoint folder."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import CONFIG, WEIGHTS, CheckpointManifest, tokenizer_files
from disentangle.checkpoint.probe import probe_loss
from disentangle.perturbation.gptq import DAMPING
from disentangle.perturbation.quantize import quantize_model
from disentangle.storage import sha256_of

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
    assert base.resolve() != folder.resolve(), "a checkpoint is not quantised in its own place"
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
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    # save_pretrained knows which weights are tied and their names in the file; never shard
    model.save_pretrained(making, max_shard_size="1000TB")
    for file in tokenizer_files(base):
        shutil.copyfile(file, making / file.name)
    manifest = replace(
        manifest,
        weights_sha256=sha256_of(making / WEIGHTS),
        config_sha256=sha256_of(making / CONFIG),
    )
    manifest.write(making)
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return manifest


def settings_of(
    base: CheckpointManifest, sequences: torch.Tensor, *, bits: int, group_size: int | None
) -> dict[str, Any]:
    """What distinguishes quantisations of one checkpoint: the `settings` of their manifests."""
    tokens_sha256 = hashlib.sha256(sequences.cpu().numpy().astype("<i8").tobytes()).hexdigest()
    return {
        "method": "gptq",
        "bits": bits,
        "group_size": group_size,
        "damping": DAMPING,
        "calibration": {
            "sequences": sequences.shape[0],
            "length": sequences.shape[1],
            "sha256": tokens_sha256,
        },
        "base_weights_sha256": base.weights_sha256,
    }
