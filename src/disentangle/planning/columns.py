"""Tables and text on the screen, in ASCII, so that they are the same in a pipe and in a log."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import StringIO
from textwrap import wrap

WIDTH = 80
"""Columns of a screen that does not say how many it has."""

ROOMY = 100
"""Columns from which on those of a table stand further apart."""

RULED = "    \n    \n -- \n    \n    \n    \n    \n    \n"
"""A table's lines, as `rich` is told: one under the heads."""


def screen_width(descriptor: int) -> int | None:
    """Columns of the terminal that a file descriptor is on; None if it is on none."""
    with suppress(OSError):
        return os.get_terminal_size(descriptor).columns or None
    return None


def table_lines(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    width: int | None = WIDTH,
    left: int = 1,
) -> list[str]:
    """A table as lines. Cells that do not fit go on in the next line; none is cut.

    Args:
        heads: of the columns.
        rows: cells, as many as heads.
        width: of the screen, in characters; None for as wide as the cells need.
        left: so many columns, the first ones, hold words: to the left. Others hold numbers.
    """
    from rich.box import Box  # not at the top: Snakemake imports this module with the workflow
    from rich.console import Console
    from rich.table import Table

    cells = [list(row) for row in rows]
    natural = sum(max(map(len, column)) + 2 for column in zip(heads, *cells, strict=True))
    width = width or max(WIDTH, natural)
    roomy = width >= min(ROOMY, natural)
    table = Table(
        box=Box(RULED, ascii=True),
        show_edge=False,
        pad_edge=False,
        padding=(0, int(roomy), 0, 0),
    )
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i < left else "right", overflow="fold")
    for row in cells:
        table.add_row(*row)
    text = StringIO()
    Console(file=text, width=width, color_system=None, markup=False, emoji=False).print(table)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def wrapped(lines: Iterable[str], width: int | None = WIDTH) -> list[str]:
    """Lines of text broken between words; indented lines go on with the same indent.

    Args:
        lines: of text.
        width: of the screen, in characters; None to leave them whole.
    """
    if width is None:
        return list(lines)
    found = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        found += wrap(
            line,
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return found
