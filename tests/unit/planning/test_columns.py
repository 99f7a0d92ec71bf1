"""Tables on the screen fit on it, and nothing of them is cut."""

import pytest

from disentangle.planning.columns import table_lines, wrapped

HEADS = ("run", "tokens", "steps")
ROWS = [("a" * 30, "1,000,000", "12"), ("b", "7", "3")]


@pytest.mark.parametrize("width", [24, 80, 120, None])
def test_a_table_fits_and_keeps_all(width: int | None) -> None:
    lines = table_lines(HEADS, ROWS, width=width)
    assert all(len(line) <= (width or 200) for line in lines)
    text = "".join(lines)
    assert text.isascii()
    assert text.count("a") == 30
    for cell in ("tokens", "steps", "12"):
        assert cell in text


def test_words_stand_left_and_numbers_right() -> None:
    heads, rule, first, second = table_lines(HEADS, ROWS)
    assert heads == f"{'run':30}     tokens  steps"
    assert rule == "-" * len(heads)
    assert first == f"{'a' * 30}  1,000,000     12"
    assert second == f"{'b':30}          7      3"


def test_text_is_broken_between_words_and_keeps_its_indent() -> None:
    lines = wrapped(["one two three", "  four five", ""], 9)
    assert lines == ["one two", "three", "  four", "  five", ""]
    assert wrapped(["one two three"], None) == ["one two three"]
