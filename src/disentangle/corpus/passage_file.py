"""The passages of one file, for measuring outside of a study."""

import re
import zlib
from glob import escape
from pathlib import Path

from disentangle.corpus.documents import text_key
from disentangle.corpus.sources import read_source
from disentangle.errors import StudyError

JSON_LINES = (".jsonl", ".jsonl.gz")

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n")


def read_passages(path: Path) -> list[str]:
    """The distinct passages of a file, in its order.

    They are read as those of a study: without empty ones, and texts that differ only in case and
    white space are one passage.

    Args:
        path: JSON lines with a "text" each, if its name ends in one of `JSON_LINES`; else plain
            text, with blank lines between passages.

    Raises:
        StudyError: if there is no such file, or it is not text.
    """
    if not path.is_file():
        raise StudyError(f"There is no file {path} with passages.")
    kind = "jsonl" if path.name.endswith(JSON_LINES) else "text"
    distinct: dict[bytes, str] = {}
    try:
        for document in read_source(f"{kind}:{escape(str(path))}"):
            if "\0" in document:
                raise ValueError("it contains a null character")
            passages = [document] if kind == "jsonl" else _BLANK_LINES.split(document)
            for passage in filter(None, map(str.strip, passages)):
                distinct.setdefault(text_key(passage), passage)
    except (ValueError, EOFError, RecursionError, zlib.error) as fault:  # it may hold anything
        raise StudyError(f"{path} is not text: {fault}") from None
    return list(distinct.values())
