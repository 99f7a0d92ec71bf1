"""The passages of one file: those that a study's reader finds, each once."""

import gzip
import json
from pathlib import Path

import pytest

from disentangle.corpus.passage_file import read_passages
from disentangle.corpus.sources import read_source
from disentangle.errors import StudyError


def test_lines_of_json_are_what_a_study_reads(tmp_path: Path) -> None:
    texts = ["one\n\ntwo", "  three ", "", "four", "FOUR"]
    lines = "".join(json.dumps({"text": text, "id": 1}) + "\n" for text in texts)
    path = tmp_path / "[a]*.jsonl"  # no pattern
    path.write_text(lines)
    (tmp_path / "[a]b.jsonl").write_text('{"text": "another file"}')
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(lines.encode()))
    assert read_passages(path) == read_passages(packed) == ["one\n\ntwo", "three", "four"]
    assert list(read_source(f"jsonl:{packed}")) == ["one\n\ntwo", "three", "four", "FOUR"]


def test_blank_lines_part_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n\n one\nline \n \t\n\n\ntwo\n\nOne  line\n\nthree\r\n\r\nfour\n")
    assert read_passages(path) == ["one\nline", "two", "three", "four"]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.jsonl", b'{"text": "a"}\n{"no": 1}\n', "line 2: every line must be a JSON object"),
        ("a.jsonl", b'{"text": "\xff"}\n', "is not text"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', "is not text"),
        ("a.jsonl", b"[" * 100_000, "is not text"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}' * 99, mtime=0)[:-20], "is not text"),
        ("a.txt", b"PK\x03\x04\0\0", "is not text: it contains a null character"),
        (".", b"", "There is no file"),
    ],
)
def test_what_is_not_text_is_said(tmp_path: Path, name: str, content: bytes, fault: str) -> None:
    path = tmp_path / name
    if name != ".":
        path.write_bytes(content)
    with pytest.raises(StudyError, match=fault):
        read_passages(path)
