"""Pages and figures are compared by what they say and show."""

import zlib
from pathlib import Path

import pytest

from disentangle.archive.redrawn import difference

PAGE = """<!doctype html><html><body><p id="a">ρ = 0.42 &amp; more</p>
<svg width="10"><path d="M 1.00 2.00 L 3.5 4"/><use href="#glyph-41" x="7.25"/></svg>
</body></html>"""


def compared(folder: Path, ours: bytes, theirs: bytes, ending: str = ".html") -> str | None:
    again, archived = folder / f"again{ending}", folder / f"archived{ending}"
    again.write_bytes(ours)
    archived.write_bytes(theirs)
    return difference(again, archived)


@pytest.mark.parametrize(
    ("old", "new"),
    [("<p id", "<p\n  id"), ("&amp;", "&#38;"), ("2.00", "2.0"), ("7.25", "7.26"), ("M 1", "M 1")],
)
def test_what_nobody_sees_is_no_difference(tmp_path: Path, old: str, new: str) -> None:
    assert compared(tmp_path, PAGE.encode(), PAGE.replace(old, new).encode()) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(("0.42", "0.43"), ("0.42", "-0.42"), ("more", "less"), ('id="a"', 'id="b"')),
        *(("3.5 4", "3.5 5"), ("glyph-41", "glyph-42"), ('width="10"', 'width="11"')),
        *(("</body>", "<script>alert(1)</script></body>"), ("<p ", "<p hidden ")),
        *(("</p>", "</p><!-- note -->"), ("</body>", "<p>also</p></body>")),
        *(("<use ", '<use style="display:none" '), ("<!doctype html>", "<!doctype svg>")),
    ],
)
def test_what_somebody_may_see_is_a_difference(tmp_path: Path, old: str, new: str) -> None:
    assert old in PAGE
    assert "when redrawn" in str(compared(tmp_path, PAGE.encode(), PAGE.replace(old, new).encode()))
    assert compared(tmp_path, PAGE.encode(), PAGE[: len(PAGE) // 2].encode())


def pdf(content: bytes, level: int) -> bytes:
    stream = zlib.compress(content, level)
    head = b"%%PDF-1.4\n1 0 obj\n<< /Length %d /Filter /FlateDecode >>\n" % len(stream)
    return head + b"stream\n" + stream + b"\nendstream\nendobj\nxref\n0 1\n%%EOF"


def test_a_pdf_is_what_it_draws(tmp_path: Path) -> None:
    drawn = b"1 0 0 RG 10.00 20 m 30 40 l S " * 50
    assert pdf(drawn, 1) != pdf(drawn, 9)
    assert compared(tmp_path, pdf(drawn, 1), pdf(drawn, 9), ".pdf") is None
    moved = drawn.replace(b"30 40", b"30 50")
    assert compared(tmp_path, pdf(drawn, 9), pdf(moved, 9), ".pdf") is not None
    assert compared(tmp_path, pdf(drawn, 9), pdf(drawn, 9) + pdf(drawn, 9), ".pdf") is not None
