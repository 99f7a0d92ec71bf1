"""Checks on the files of an external model, before any of them is loaded."""

import json
from pathlib import Path, PurePosixPath

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM

from disentangle.checkpoint.manifest import CONFIG, MANIFEST
from disentangle.storage import sha256_of

READ = (
    *("*.json", "*.yaml", "*.safetensors", "*.bin", "*.txt", "*.model", "model.pt"),
    *("*.jinja", "*.tiktoken", "additional_chat_templates/*.jinja"),
)
"""Patterns of the files that a model or its tokenizer may be read from."""

NOT_READ = {"optim.safetensors", MANIFEST}
"""Files that match these patterns but are not read."""

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Weight files of a Hugging Face model; the second pattern is used if the first has no match."""

INDEXES = "*.index.json"
"""Files that map weights to weight files."""

MOST_A_BYTE = 8
"""Most weights per byte of a file, for any quantization."""


def files_of(source: Path) -> list[Path]:
    """Every file that a model or its tokenizer may be read from, sorted."""
    files = (path for pattern in READ for path in source.glob(pattern))
    return sorted(path for path in files if path.name not in NOT_READ)


def fingerprints(source: Path) -> dict[str, str]:
    """SHA-256 of every such file, by its name in the folder."""
    return {path.relative_to(source).as_posix(): sha256_of(path) for path in files_of(source)}


def holder_of_files(given: Path) -> Path:
    """The folder that must contain all files of a source.

    This is the source's own folder. For a snapshot in the Hugging Face cache, whose files are
    links, it is the repository's folder (models--OWNER--NAME).
    """
    source = given.resolve()
    for folder in (source, *source.parents):
        if folder.name.startswith("models--"):
            inside = source.relative_to(folder).parts
            return folder if inside[:1] == ("snapshots",) else source
    return source


def fault_of_places(source: Path, holder: Path) -> str | None:
    """A file of a source that lies outside of its folder, or None.

    Args:
        source: the folder of one step.
        holder: the result of `holder_of_files`.
    """
    for path in files_of(source):
        name = path.relative_to(source).as_posix()
        if not path.resolve().is_relative_to(holder):
            return f"{name} is a link to outside of its folder; copy its target into the folder"
        if not path.is_file():
            return f"{name} is not a file"
    for index in source.glob(INDEXES):
        for name in sorted(_named_by(index)):
            if name != PurePosixPath(name).name:
                return f"{index.name} names {name!r}, which is not a file beside it"
    return None


def _named_by(index: Path) -> set[str]:
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        return {str(name) for name in content["weight_map"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()  # not an index; loading the model reports that


def fault_of_size(source: Path) -> str | None:
    """Whether a model's configuration is too large for its weight files; None if it is not.

    A configuration can name any size. So the number of layers is checked first, and then the model
    is built without memory for its weights.

    Raises:
        Exception: of any kind, if a weight file is damaged or contains more than weights.
    """
    weights = next((found for pattern in WEIGHTS if (found := sorted(source.glob(pattern)))), [])
    there = sum(map(_weights_in, weights))
    held = sum(path.stat().st_size for path in weights)
    config = AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
    layers = getattr(config, "num_hidden_layers", 0)
    if isinstance(layers, int) and layers > there:
        return f"{CONFIG} says {layers} layers, but there are {there} weights"
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    if model.num_parameters() > MOST_A_BYTE * held:
        return f"{CONFIG} says {model.num_parameters()} weights, but its files have {held} bytes"
    return None


def _weights_in(path: Path) -> int:
    """The number of tensors in a file; their data are not read."""
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as opened:
            return len(opened.keys())
    return len(torch.load(path, map_location="meta", weights_only=True))
