"""Read a tensor from a Hugging Face folder's safetensors, without transformers or a model."""

import json
from collections.abc import Callable
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

HEADS = ("lm_head.weight", "embed_out.weight", "transformer.ff_out.weight")
"""Endings of the unembedding's name, if it is a separate tensor."""

EMBEDDINGS = (
    *("embed_tokens.weight", "embed_in.weight", "wte.weight", "word_embeddings.weight"),
    "backbone.embeddings.weight",
)
"""Endings of the embedding's name; the embedding is the unembedding if they are tied."""

TOKENIZER = "tokenizer.json"

INDEX = "model.safetensors.index.json"
"""Names the files of weights, if they are several."""


def holds_safetensors(folder: Path) -> bool:
    """Whether a folder's unembedding can be read without transformers."""
    tells_rows = (folder / MANIFEST).is_file() or (folder / TOKENIZER).is_file()
    return (
        (folder / CONFIG).is_file()
        and any(folder.glob("*.safetensors"))
        and (tells_rows or not tokenizer_files(folder))
    )


def read_unembedding(folder: Path) -> torch.Tensor:
    """W of a model as float32, without the rows that only pad the vocabulary.

    For our own checkpoints, the manifest gives the rows in use, and weights and configuration must
    match it. For other models, tokenizer.json gives the rows; without it, all rows are used.

    Raises:
        StudyError: if the weights are not as recorded, or W cannot be identified.
    """
    rows = _checked_rows(folder) if (folder / MANIFEST).is_file() else None
    places = _places(folder)
    head = read_tensor(folder, _unembedding_name(folder, places))
    return head[: vocabulary_rows(folder, len(head)) if rows is None else rows]


def read_tensor(folder: Path, name: str) -> torch.Tensor:
    """A tensor of a model by its name in the files, as float32.

    Raises:
        StudyError: if no tensor has this name, or its file is damaged.
    """
    places = _places(folder)
    if name not in places:
        raise StudyError(
            f"{folder} has no tensor {name}; matrices are: {', '.join(_matrices(places)[:12])}"
        )
    with _opened(places[name][0]) as opened:
        tensor: torch.Tensor = opened.get_tensor(name)
    # float32 as in the workflow, so that the numerical rank has the same precision
    return tensor.float() if tensor.is_floating_point() else tensor


def tensors_of(folder: Path) -> Callable[[str], torch.Tensor]:
    """A function that reads a tensor of a model by its name, as `read_tensor`, one at a time.

    The name of the whole model, as in `transformer.wte.weight`, may be missing in the files.
    """
    places = _places(folder)

    def read(name: str) -> torch.Tensor:
        known = [each for each in (name, name.partition(".")[2]) if each in places]
        if not known:
            raise StudyError(
                f"{folder} has no tensor {name}; matrices are: {', '.join(_matrices(places)[:12])}"
            )
        with _opened(places[known[0]][0]) as opened:
            tensor: torch.Tensor = opened.get_tensor(known[0])
        return tensor.float()

    return read


def _checked_rows(folder: Path) -> int:
    manifest = read_checkpoint(folder)
    if not (folder / WEIGHTS).is_file():
        raise StudyError(weights_are_not_here(folder))
    for name, sha256 in ((WEIGHTS, manifest.weights_sha256), (CONFIG, manifest.config_sha256)):
        if sha256 and sha256_of(folder / name) != sha256:
            raise StudyError(
                f"{folder} is damaged: {name} was changed; its SHA-256 is not the manifest's."
            )
    return manifest.rows


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, "pt")
    except (SafetensorError, OSError) as error:
        raise StudyError(f"{path} cannot be read as tensors: {error}") from None


def _places(folder: Path) -> dict[str, tuple[Path, int]]:
    """Each tensor's file and number of dimensions, by name."""
    if (folder / "adapter_config.json").is_file():
        raise StudyError(
            f"{folder} cannot be measured: it is an adapter to another model. Merge the two, and "
            "measure the merged model."
        )
    places = {}
    for path in sorted(folder.glob("*.safetensors")):
        with _opened(path) as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                places[name] = (path, len(opened.get_slice(name).get_shape()))
    _refuse_part(folder)
    return places


def _refuse_part(folder: Path) -> None:
    """Without the file that has its head, an untied model may look tied."""
    index = folder / INDEX
    if not index.is_file() or (folder / WEIGHTS).is_file():  # then nothing reads the index
        return
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        absent = sorted(name for name in named if not (folder / name).is_file())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StudyError(f"{index} names no files: {type(error).__name__}: {error}") from None
    if absent:
        raise StudyError(
            f"{folder} is incomplete: {INDEX} names {', '.join(absent[:3])}, which "
            f"{'is' if len(absent) == 1 else 'are'} not there. Fetch all of its files."
        )


def _matrices(places: dict[str, tuple[Path, int]]) -> list[str]:
    return [name for name, (_, dimensions) in places.items() if dimensions == 2]


def _unembedding_name(folder: Path, places: dict[str, tuple[Path, int]]) -> str:
    def ending(ends: tuple[str, ...]) -> list[str]:
        return [n for n in _matrices(places) if any(f".{n}".endswith(f".{end}") for end in ends)]

    tied = read_config(folder).get("tie_word_embeddings")
    heads, embeddings = ending(HEADS), ending(EMBEDDINGS)
    found = heads or (embeddings if tied is not False else [])
    if len(found) != 1:
        there = ", ".join(_matrices(places)[:12]) or "none"
        raise StudyError(
            f"{folder} does not show which tensor is its unembedding; name it with --tensor NAME "
            f"(or tensor=NAME). Matrices are: {there}"
        )
    if (
        heads
        and tied
        and len(embeddings) == 1
        and not torch.equal(read_tensor(folder, heads[0]), read_tensor(folder, embeddings[0]))
    ):
        raise StudyError(
            f"{folder}: {CONFIG} says that unembedding and embedding are tied, but {heads[0]} "
            f"differs from {embeddings[0]}; choose one with --tensor NAME (or tensor=NAME)"
        )
    return found[0]


def read_config(folder: Path) -> dict[str, Any]:
    """A model's config.json.

    Raises:
        StudyError: if it does not exist or is no mapping.
    """
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        config.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise StudyError(f"{folder / CONFIG} does not describe a model: {error}") from None
    return config


def vocabulary_rows(folder: Path, rows: int) -> int:
    """How many of a number of rows the vocabulary of tokenizer.json uses; all without one."""
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
        raise StudyError(f"{path} is not a tokenizer: {type(error).__name__}: {error}") from None
    return rows if max(pairs.values(), default=rows) >= rows else len(pairs)
