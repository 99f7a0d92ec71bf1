"""Compare a redrawn page or figure with the archived one, by its text and its drawing.

Identical bytes need no comparison. Bytes may differ on another machine, whose libraries compress
or round coordinates differently.
"""

import math
import re
import zlib
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path

TOLERANCE = 0.05
"""Points on a page, or pixels; too small to see."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


def difference(again: Path, archived: Path) -> str | None:
    """How a page (.html) or a figure (.svg, .pdf) differs, or None.

    Args:
        again: the redrawn file.
        archived: the archive's file; it need not be trusted.
    """
    ours, theirs = again.read_bytes(), archived.read_bytes()
    if ours == theirs:
        return None
    if again.suffix == ".pdf":
        same = _first_difference(_content(ours), _content(theirs)) is None
        return None if same else "looks different when redrawn"
    return _first_difference(_said(ours), _said(theirs))


def _first_difference(ours: list[str], theirs: list[str]) -> str | None:
    for mine, other in zip_longest(ours, theirs, fillvalue="nothing"):
        if not _alike(mine, other):
            pairs = enumerate(zip(mine, other, strict=False))
            start = next((i for i, (a, b) in pairs if a != b), min(len(mine), len(other)))
            near = slice(max(0, start - 30), start + 50)
            return f"has {other[near]!r}, but {mine[near]!r} when redrawn"
    return None


def _alike(mine: str, other: str) -> bool:
    """Whether two texts are equal, up to `TOLERANCE` in the numbers of a drawing."""
    if mine == other:
        return True
    if _NUMBER.sub("#", mine) != _NUMBER.sub("#", other):
        return False
    pairs = zip(_NUMBER.findall(mine), _NUMBER.findall(other), strict=True)
    return _is_drawing(mine) and all(
        math.isclose(float(a), float(b), rel_tol=0, abs_tol=TOLERANCE) for a, b in pairs
    )


def _is_drawing(text: str) -> bool:
    """Whether numbers in a text are coordinates rather than content."""
    return text.startswith(("<path", "<use", "<g", "<rect", "<svg", "pdf:"))


class _Parts(HTMLParser):
    """Tags with their attributes, and text, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append(f"<{tag} " + " ".join(f"{key}={value!r}" for key, value in attrs))

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}")

    def handle_data(self, data: str) -> None:
        if text := " ".join(data.split()):
            self.parts.append(text)

    def handle_comment(self, data: str) -> None:
        self.parts.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        self.parts.append(f"<?{data}")

    def unknown_decl(self, data: str) -> None:
        self.parts.append(f"<![{data}")


def _said(page: bytes) -> list[str]:
    parser = _Parts()
    parser.feed(page.decode("utf-8", errors="replace"))
    parser.close()
    return parser.parts


def _content(pdf: bytes) -> list[str]:
    """The content of a PDF of ours, with streams inflated and without byte offsets."""
    found = []
    for stream in _STREAM.findall(pdf):
        try:
            inflated = zlib.decompressobj().decompress(stream, 64 << 20)
        except zlib.error:
            inflated = stream
        found.append(f"pdf:{inflated.decode('latin-1')}")
    skeleton = _STREAM.sub(b"stream endstream", pdf).partition(b"\nxref")[0]
    lengths = re.sub(rb"/Length \d+|\d+ 0 obj\s+\d+\s+endobj", b"", skeleton)
    return [*found, lengths.decode("latin-1")]
