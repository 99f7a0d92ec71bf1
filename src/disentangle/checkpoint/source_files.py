"""The files of a model from elsewhere, looked at before any of them is opened as a model."""

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
"""Files of a source that a model or its tokenizer may be read from."""

NOT_READ = {"optim.safetensors", MANIFEST}
"""Others with such names."""

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Files of weights of a Hugging Face model, the latter where there are none of the former."""

INDEXES = "*.index.json"
"""Which weight is in which file, where there are several."""

MOST_A_BYTE = 8
"""Weights that a byte of a file can stand for, however they are quantized."""


def files_of(source: Path) -> list[Path]:
    """Every file that a model or its tokenizer may be read from, sorted."""
    files = (path for pattern in READ for path in source.glob(pattern))
    return sorted(path for path in files if path.name not in NOT_READ)


def fingerprints(source: Path) -> dict[str, str]:
    """SHA-256 of every such file, by its name in the folder."""
    return {path.relative_to(source).as_posix(): sha256_of(path) for path in files_of(source)}


def holder_of_files(given: Path) -> Path:
    """The folder that no file of a source may lie outside of.

    That is the source's own folder; of a snapshot in a cache of Hugging Face's library, whose files
    are links, the folder of the repository (models--OWNER--NAME).
    """
    source = given.resolve()
    for folder in (source, *source.parents):
        if folder.name.startswith("models--"):
            inside = source.relative_to(folder).parts
            return folder if inside[:1] == ("snapshots",) else source
    return source


def fault_of_places(source: Path, holder: Path) -> str | None:
    """Which file of a source is elsewhere, or None.

    Args:
        source: the folder of one step.
        holder: of `holder_of_files`.
    """
    for path in files_of(source):
        name = path.relative_to(source).as_posix()
        if not path.resolve().is_relative_to(holder):
            return f"{name} is a link out of its folder; copy into the folder what it leads to"
        if not path.is_file():
            return f"{name} is no file"
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
        return set()  # is none, and what comes next says so


def fault_of_size(source: Path) -> str | None:
    """Whether a model would be larger than its files have weights for, or None.

    A configuration can ask for any size. The model is made without memory for its weights, after
    it is known that there are not more layers than weights.

    Raises:
        Exception: of any kind, if a file of weights is damaged or more than that.
    """
    weights = next((found for pattern in WEIGHTS if (found := sorted(source.glob(pattern)))), [])
    there = sum(map(_weights_in, weights))
    held = sum(path.stat().st_size for path in weights)
    config = AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
    layers = getattr(config, "num_hidden_layers", 0)
    if isinstance(layers, int) and layers > there:
        return f"{CONFIG} says {layers} layers, and there are {there} weights"
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    if model.num_parameters() > MOST_A_BYTE * held:
        return f"{CONFIG} says {model.num_parameters()} weights, and its files have {held} bytes"
    return None


def _weights_in(path: Path) -> int:
    """How many tensors a file says that it holds; their numbers are not read."""
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as opened:
            return len(opened.keys())
    return len(torch.load(path, map_location="meta", weights_only=True))
