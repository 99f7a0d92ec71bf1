"""Gather training documents and held-out passages, without duplicates."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from disentangle.corpus.sources import describe_source, read_source
from disentangle.errors import StudyError
from disentangle.parquet import read_parquet, read_parquet_batches, write_parquet
from disentangle.storage import replacing
from disentangle.study.sections.corpus import HeldOut

_SPACE = re.compile(r"\s+")


def text_key(text: str) -> bytes:
    """A key that is equal for texts that differ only in case and white space."""
    return hashlib.blake2b(_SPACE.sub(" ", text).lower().encode(), digest_size=16).digest()


def is_for_finetuning(text: str) -> bool:
    """Whether a document is in the half of its source that models are fine-tuned on.

    Passages are held out from the other half. The split depends on the text alone.
    """
    return bool(text_key(text)[-1] & 1)


def gather_documents(sources: Iterable[str]) -> pa.Table:
    """Read training sources in order, leaving out repeated texts.

    Returns:
        One row per document: source, text.
    """
    seen: set[bytes] = set()
    rows: dict[str, list[str]] = {"source": [], "text": []}
    for source in sources:
        before = len(seen)
        for text in read_source(source):
            key = text_key(text)
            if key not in seen:
                seen.add(key)
                rows["source"].append(source)
                rows["text"].append(text)
        if len(seen) == before:
            raise StudyError(f"source {source} gave no document that is not in another source")
    return pa.table(rows)


def cut_passages(text: str, max_chars: int) -> list[str]:
    """Cut a document into passages of at most `max_chars` characters, at ends of lines.

    A document that fits is not cut. A line longer than the limit is cut at spaces, or within a
    word if it has none.
    """
    if len(text) <= max_chars:
        return [text]
    passages, passage = [], ""
    for line in text.splitlines(keepends=True):
        while len(line) > max_chars:
            cut = line.rfind(" ", 1, max_chars) + 1 or max_chars
            passages += [passage, line[:cut]]
            passage, line = "", line[cut:]
        if len(passage) + len(line) > max_chars:
            passages.append(passage)
            passage = ""
        passage += line
    return [p for p in (p.strip("\n") for p in [*passages, passage]) if p.strip()]


def gather_passages(heldout: HeldOut, *, halved: bool = False) -> pa.Table:
    """Passages of a held-out domain: distinct, at most `heldout.passages`, in a fixed order.

    They are ordered by their texts' hashes, so for every k the first k are a uniform sample and do
    not depend on how many are requested.

    Args:
        heldout: the domain.
        halved: leave out the half of the documents that models are fine-tuned on.

    Returns:
        One row per passage: text.
    """
    distinct: dict[bytes, str] = {}
    for text in read_source(heldout.source):
        if halved and is_for_finetuning(text):
            continue
        for passage in cut_passages(text, heldout.max_chars):
            distinct.setdefault(text_key(passage), passage)
        if len(distinct) > 100 * heldout.passages:  # a source may be larger than memory
            distinct = {key: distinct[key] for key in sorted(distinct)[: heldout.passages]}
    chosen = [distinct[key] for key in sorted(distinct)[: heldout.passages]]
    if not chosen:
        raise StudyError(f"held-out source {heldout.source} gave no text")
    return pa.table({"text": chosen})


def write_texts(table: pa.Table, sources: Iterable[str], path: Path) -> None:
    """Write a table of texts as parquet, with its sources in the file's metadata."""
    described = "; ".join(str(describe_source(source)) for source in sources)
    table = table.replace_schema_metadata({"sources": described})
    with replacing(path) as temporary:
        write_parquet(table, temporary)


def read_texts(path: Path) -> list[str]:
    """The texts of a file that `write_texts` wrote, in order.

    Raises:
        DamagedError: if the file is damaged.
    """
    return read_parquet(path, columns=["text"]).column("text").to_pylist()


def read_text_batches(path: Path) -> Iterator[list[str]]:
    """The texts of such a file in order, a few thousand at a time; see `read_texts`."""
    for batch in read_parquet_batches(path, columns=["text"], rows=4096):
        yield batch.column(0).to_pylist()
