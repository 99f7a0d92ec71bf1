"""Checkpoint folders of models that were changed in memory."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from disentangle.checkpoint.manifest import (
    CONFIG,
    MANIFEST,
    WEIGHTS,
    CheckpointManifest,
    read_checkpoint,
    tokenizer_files,
)
from disentangle.storage import DamagedError, sha256_of

__all__ = ["FOUND", "made_before", "write_changed"]

FOUND = "found"
"""The key of a manifest's settings that holds what was found in making it, and not asked for."""


def write_changed(
    model: PreTrainedModel, base: Path, folder: Path, manifest: CheckpointManifest
) -> CheckpointManifest:
    """Write a checkpoint folder, completely or not at all.

    Args:
        model: the changed model; anything that can load the base can load it.
        base: the checkpoint folder that it was loaded from, whose tokenizer is copied.
        folder: the folder to make; an existing one is replaced.
        manifest: complete except for the hashes of weights and configuration.

    Returns:
        The complete manifest.
    """
    assert base.resolve() != folder.resolve(), "a checkpoint is not changed in its own place"
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


def made_before(
    folder: Path, wanted: dict[str, Any], code_version: str
) -> CheckpointManifest | None:
    """The manifest of a folder that holds the wanted checkpoint, or None.

    The weights must be intact, or absent because an archive keeps only their hash.

    Args:
        folder: of the checkpoint, which may not exist.
        wanted: the settings that it must have, `FOUND` apart.
        code_version: the hash of code that it must have.
    """
    if not (folder / MANIFEST).is_file():
        return None
    try:
        manifest = read_checkpoint(folder)
    except DamagedError:
        return None
    settings = {key: value for key, value in manifest.settings.items() if key != FOUND}
    if settings != wanted or manifest.code_version != code_version:
        return None
    weights = folder / WEIGHTS
    let_go = not weights.exists()  # as in an archive that keeps only their hash
    return manifest if let_go or sha256_of(weights) == manifest.weights_sha256 else None
