"""Training tokens as several memmaps (shards), each made by its own job, which streams its text."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from disentangle.corpus.documents import text_key
from disentangle.corpus.parts import Part
from disentangle.corpus.sources import describe_source, files_of, read_source
from disentangle.corpus.tokenizer import end_of_text_id, load_tokenizer
from disentangle.corpus.tokens import append_documents
from disentangle.errors import StudyError
from disentangle.storage import digest, read_json, replacing, sha256_of, write_json

BATCH = 1024
"""Documents held at once."""

_COUNTED = ("documents", "characters", "tokens")


def take_turns(sources: Sequence[str], part: Part) -> Iterator[tuple[str, str]]:
    """A part of every source, one document from each in turn until all are exhausted.

    Taking turns mixes the sources along the whole memmap, so that a token limit cuts none of them
    off.

    Returns:
        Pairs of source and text.
    """
    streams = {source: read_source(source, part) for source in sources}
    while streams:
        for source, stream in list(streams.items()):
            text = next(stream, None)
            if text is None:
                del streams[source]
            else:
                yield source, text


def write_shard(
    sources: Sequence[str],
    part: Part,
    *,
    tokenizer_folder: Path,
    limit: int | None,
    tokens: Path,
    manifest: Path,
) -> None:
    """Tokenise a part of the training text, with an end-of-text token after each document.

    Repeated texts within this part are left out; to detect them, 16 bytes of each text are kept
    in memory. The spelling of the end-of-text token in a document is tokenised as ordinary text.

    Args:
        sources: all sources of the study.
        part: which shard, and how many there are.
        tokenizer_folder: folder of the study's tokenizer.
        limit: training tokens of all shards together; None for no limit.
        tokens: the memmap to write, raw little-endian uint16 without a header.
        manifest: JSON with counts and hashes, for `join_shards`.

    Raises:
        StudyError: if there is no document for this part.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    tokenizer.encode_special_tokens = True
    end_of_text = end_of_text_id(tokenizer, tokenizer_folder)
    enough = None if limit is None else -(-limit // part.of)
    counts = {source: dict.fromkeys(_COUNTED, 0) for source in sources}
    seen: set[bytes] = set()
    read = written = 0
    with replacing(tokens) as temporary:
        with temporary.open("wb") as file:
            for batch in _batches(take_turns(sources, part)):
                fresh = [(source, text) for source, text in batch if _is_new(text, seen)]
                encodings = tokenizer.encode_batch_fast(
                    [text for _, text in fresh], add_special_tokens=False
                )
                lengths = append_documents(file, encodings, end_of_text)
                for (source, text), length in zip(fresh, lengths, strict=True):
                    for what, many in zip(_COUNTED, (1, len(text), length), strict=True):
                        counts[source][what] += many
                read += len(batch)
                written += sum(lengths)
                if enough is not None and written >= enough:
                    break
        if not written:
            raise StudyError(
                f"There is no text for shard {part.index} of {part.of}: the sources have fewer "
                "documents.\nSay fewer corpus.shards."
            )
        described = _described(temporary, part, counts, tokenizer, tokenizer_folder)
        write_json(manifest, {**described, "repeats": read - len(seen)})


def _batches(pairs: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    pairs = iter(pairs)
    while batch := list(islice(pairs, BATCH)):
        yield batch


def _is_new(text: str, seen: set[bytes]) -> bool:
    before = len(seen)
    seen.add(text_key(text))
    return len(seen) > before


def take_ready_made(
    source: str, part: Part, *, tokenizer_folder: Path, tokens: Path, manifest: Path
) -> None:
    """Use an existing token file as a shard: hard-link it, or copy it if it is on another disk.

    Args:
        source: tokens:GLOB.
        part: which of the matched files, and how many there must be.
        tokenizer_folder: folder of the tokenizer that made the files.
        tokens: where the shard goes.
        manifest: JSON as `write_shard` writes it, but without the counts of characters and
            repeated texts, which are not determined.

    Raises:
        StudyError: if the pattern matches another number of files, or this one does not hold
            ids of that tokenizer as uint16.
    """
    paths = files_of(*source.split(":", 1))
    if len(paths) != part.of:
        raise StudyError(
            f"source {source} matches {len(paths)} files, and corpus.shards is {part.of}.\n"
            f"Say corpus.shards: {len(paths)}"
        )
    path = paths[part.index].resolve()
    tokenizer = load_tokenizer(tokenizer_folder)
    size = path.stat().st_size
    if size == 0 or size % 2:
        raise StudyError(f"{path} has {size} bytes: not a file of uint16 tokens")
    ids = np.memmap(path, "<u2", mode="r")
    end_of_text = end_of_text_id(tokenizer, tokenizer_folder)
    rows = max(tokenizer.get_vocab().values()) + 1
    documents = 0
    for start in range(0, len(ids), 1 << 24):
        chunk = ids[start : start + (1 << 24)]
        if (largest := int(chunk.max())) >= rows:
            raise StudyError(
                f"{path} has the token {largest}, and the tokenizer only has {rows}.\n"
                "Either tokenizer.name is not the one it was made with, or it is not raw "
                "little-endian uint16 (np.save puts a header before it)."
            )
        documents += int((chunk == end_of_text).sum())
    with replacing(tokens) as temporary:
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)
        counts = {source: {"documents": documents, "tokens": len(ids)}}
        write_json(manifest, _described(temporary, part, counts, tokenizer, tokenizer_folder))


def _described(
    path: Path,
    part: Part,
    counts: dict[str, dict[str, int]],
    tokenizer: Tokenizer,
    tokenizer_folder: Path,
) -> dict[str, Any]:
    return {
        "shard": part.index,
        "of": part.of,
        "tokens": sum(count["tokens"] for count in counts.values()),
        "sources": counts,
        "origins": [describe_source(source) for source in counts],
        "dtype": "uint16",
        "sha256": sha256_of(path),
        "tokenizer_sha256": sha256_of(tokenizer_folder / "tokenizer.json"),
        "vocabulary": tokenizer.get_vocab_size(),
        "end_of_text_id": end_of_text_id(tokenizer, tokenizer_folder),
    }


def join_shards(manifests: Sequence[Path], tokens: Sequence[Path], manifest: Path) -> None:
    """Check every shard against its manifest, and write a manifest of all shards.

    It has the same keys as the manifest of a single memmap; `sha256` is a digest of the shards'
    hashes in order, and `shards` lists the shards.

    Raises:
        StudyError: if a shard does not match its manifest, if shards were made with different
            tokenizers, or if no shard has any document of some source.
    """
    shards = [read_json(path) for path in manifests]
    for index, (shard, path) in enumerate(zip(shards, tokens, strict=True)):
        if (shard["shard"], shard["of"]) != (index, len(shards)):
            raise StudyError(f"{path} was made as shard {shard['shard']} of {shard['of']}")
        if path.stat().st_size != 2 * shard["tokens"] or sha256_of(path) != shard["sha256"]:
            raise StudyError(
                f"{path} is not what its manifest says. Delete it to have it made anew."
            )
    common = ("origins", "dtype", "tokenizer_sha256", "vocabulary", "end_of_text_id")
    if any(shard[key] != shards[0][key] for shard in shards for key in common):
        raise StudyError(
            f"The shards in {tokens[0].parent} are of different tokenizers or versions of text. "
            "Delete them."
        )
    sources: dict[str, dict[str, int]] = {}
    for shard in shards:
        for source, counts in shard["sources"].items():
            total = sources.setdefault(source, dict.fromkeys(counts, 0))
            for what, many in counts.items():
                total[what] += many
    if empty := [source for source, counts in sources.items() if not counts["tokens"]]:
        raise StudyError(
            f"source {', '.join(empty)} gave no document that is not in another source"
        )
    write_json(
        manifest,
        {
            "tokens": sum(shard["tokens"] for shard in shards),
            "sources": sources,
            **{key: shards[0][key] for key in common},
            "sha256": digest([shard["sha256"] for shard in shards]),
            "shards": [
                {"file": path.name, **{key: shard[key] for key in ("tokens", "sha256")}}
                for shard, path in zip(shards, tokens, strict=True)
            ],
        },
    )
