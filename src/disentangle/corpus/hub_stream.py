"""Stream text from a dataset's files in this machine's hub cache, without network access."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from disentangle.corpus.hub_text import HubText
from disentangle.corpus.parts import WHOLE, Part
from disentangle.errors import StudyError
from disentangle.hub import local_files

BATCH = 1000
"""Documents read at once."""

_BUILDERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json"}
"""Formats that hold no code and no pickles."""

_COMPRESSED = (".gz", ".zst")


def _builder(path: Path, source: str) -> str:
    suffixes = [suffix for suffix in path.suffixes if suffix not in _COMPRESSED]
    builder = _BUILDERS.get(suffixes[-1] if suffixes else "")
    if builder is None:
        raise StudyError(
            f"source {source}: {path.name} is neither parquet nor JSON lines.\n"
            "Say which files hold the text: hf:REPO@REVISION?files=data/*.parquet"
        )
    return builder


def _open_zstd(file: Any, mode: str = "rb", **_: Any) -> io.BufferedReader:
    return io.BufferedReader(pa.CompressedInputStream(file, "zstd"), 1 << 20)


def read_hub_text(source: str, part: Part = WHOLE) -> Iterator[str]:
    """Yield the documents of a source that `HubText.parse` understands.

    Whole files are distributed over the parts if there is at least one for each part; otherwise
    single documents are.

    Raises:
        StudyError: if the files are not on this machine, or hold no such text.
    """
    from datasets import load_dataset  # imports torch
    from fsspec.compression import compr, register_compression

    if "zstd" not in compr:  # fsspec needs another package for zstd; pyarrow can read it
        register_compression("zstd", _open_zstd, ["zst"])

    text = HubText.parse(source)
    paths = local_files(text.item)
    builders = {_builder(path, source) for path in paths}
    if len(builders) > 1:
        raise StudyError(f"source {source} mixes {' and '.join(sorted(builders))}; say files=")
    stream = load_dataset(
        builders.pop(), data_files=[str(path) for path in paths], split="train", streaming=True
    )
    if len(paths) >= part.of:
        stream, part = stream.shard(part.of, part.index, contiguous=False), WHOLE
    yield from part.of_documents(_texts(stream.with_format("arrow"), text.column, source))


def _texts(stream: Any, column: str, source: str) -> Iterator[str]:
    for table in stream.iter(BATCH):
        if column not in table.column_names:
            raise StudyError(
                f"source {source} has no column {column!r}; there are "
                f"{', '.join(table.column_names)}. Say which holds the text: ?text=COLUMN"
            )
        for value in table.column(column).to_pylist():
            if isinstance(value, str):
                yield value
            elif value is not None:
                raise StudyError(f"source {source}: column {column!r} does not hold text")
