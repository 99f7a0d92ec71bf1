"""A tensor of a Hugging Face folder, read from its safetensors: neither a model is built nor
transformers needed."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from disentangle.checkpoint.manifest import (
    CONFIG,
    MANIFEST,
    WEIGHTS,
    read_checkpoint,
    tokenizer_files,
    weights_are_not_here,
)
from disentangle.errors import StudyError
from disentangle.storage import sha256_of

HEADS = ("lm_head.weight", "embed_out.weight")
"""Ends of the names that the unembedding has, where it is a tensor of its own."""

EMBEDDINGS = (
    *("embed_tokens.weight", "embed_in.weight", "wte.weight", "word_embeddings.weight"),
    "backbone.embeddings.weight",
)
"""Ends of the names that the embedding has, which is the unembedding where those are tied."""

TOKENIZER = "tokenizer.json"


def holds_safetensors(folder: Path) -> bool:
    """Whether all that is read of a model is in files that need no other library."""
    tells_rows = (folder / MANIFEST).is_file() or (folder / TOKENIZER).is_file()
    return (
        (folder / CONFIG).is_file()
        and any(folder.glob("*.safetensors"))
        and (tells_rows or not tokenizer_files(folder))
    )


def read_unembedding(folder: Path) -> torch.Tensor:
    """W of a model, without the rows that only pad the vocabulary, as float32.

    Of a checkpoint of ours the manifest says which rows are in use, and weights and configuration
    must be those that it names. Of others tokenizer.json says it; where there is none, all are.

    Raises:
        StudyError: if the weights are not as they should be, or do not show which tensor it is.
    """
    rows = _checked_rows(folder) if (folder / MANIFEST).is_file() else None
    places = _places(folder)
    head = read_tensor(folder, _unembedding_name(folder, places))
    return head[: _rows_in_use(folder, len(head)) if rows is None else rows]


def read_tensor(folder: Path, name: str) -> torch.Tensor:
    """Any tensor of a model by its name in the files, as float32.

    Raises:
        StudyError: if there is none of this name, or its file is damaged.
    """
    places = _places(folder)
    if name not in places:
        raise StudyError(
            f"{folder} has no tensor {name}; matrices are: {', '.join(_matrices(places)[:12])}"
        )
    with _opened(places[name][0]) as opened:
        tensor: torch.Tensor = opened.get_tensor(name)
    # as the workflow has it, so that the numerical rank is of the same precision
    return tensor.float() if tensor.is_floating_point() else tensor


def _checked_rows(folder: Path) -> int:
    manifest = read_checkpoint(folder)
    if not (folder / WEIGHTS).is_file():
        raise StudyError(weights_are_not_here(folder))
    for name, sha256 in ((WEIGHTS, manifest.weights_sha256), (CONFIG, manifest.config_sha256)):
        if sha256 and sha256_of(folder / name) != sha256:
            raise StudyError(
                f"{folder} is refused: {name} was changed; its SHA-256 is not the manifest's."
            )
    return manifest.rows


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, "pt")
    except (SafetensorError, OSError) as error:
        raise StudyError(f"{path} cannot be read as tensors: {error}") from None


def _places(folder: Path) -> dict[str, tuple[Path, int]]:
    """Each tensor's file, and how many dimensions it has, by its name."""
    if (folder / "adapter_config.json").is_file():
        raise StudyError(
            f"{folder} cannot be measured: is an adapter to another model: merge it into that one, "
            "and take what comes of it."
        )
    places = {}
    for path in sorted(folder.glob("*.safetensors")):
        with _opened(path) as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                places[name] = (path, len(opened.get_slice(name).get_shape()))
    return places


def _matrices(places: dict[str, tuple[Path, int]]) -> list[str]:
    return [name for name, (_, dimensions) in places.items() if dimensions == 2]


def _unembedding_name(folder: Path, places: dict[str, tuple[Path, int]]) -> str:
    def ending(ends: tuple[str, ...]) -> list[str]:
        return [n for n in _matrices(places) if any(f".{n}".endswith(f".{end}") for end in ends)]

    tied = _config(folder).get("tie_word_embeddings")
    heads, embeddings = ending(HEADS), ending(EMBEDDINGS)
    found = heads or (embeddings if tied is not False else [])
    if len(found) != 1:
        there = ", ".join(_matrices(places)[:12]) or "none"
        raise StudyError(
            f"{folder} does not show which tensor is its unembedding; say it, --tensor NAME (or "
            f"tensor=NAME). Matrices are: {there}"
        )
    if (
        heads
        and tied
        and len(embeddings) == 1
        and not torch.equal(read_tensor(folder, heads[0]), read_tensor(folder, embeddings[0]))
    ):
        raise StudyError(
            f"{folder}: {CONFIG} says that the unembedding is the embedding, and {heads[0]} is not "
            f"{embeddings[0]}; say which is meant, --tensor NAME (or tensor=NAME)"
        )
    return found[0]


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        config.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise StudyError(f"{folder / CONFIG} says nothing of a model: {error}") from None
    return config


def _rows_in_use(folder: Path, rows: int) -> int:
    """Rows that the vocabulary of tokenizer.json uses; all, if it has none or is another's."""
    path = folder / TOKENIZER
    if not path.is_file():
        return rows
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        vocabulary = content["model"]["vocab"]
        # a list of pieces with their scores, or tokens with their numbers
        pairs = (
            {piece: i for i, (piece, _) in enumerate(vocabulary)}
            if isinstance(vocabulary, list)
            else dict(vocabulary)
        )
        pairs |= {token["content"]: token["id"] for token in content.get("added_tokens") or ()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path} is no tokenizer: {type(error).__name__}: {error}") from None
    return rows if max(pairs.values(), default=rows) >= rows else len(pairs)
