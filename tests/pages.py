"""The pages of the documentation, and the blocks of code on them."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w./-]+\.(?:py|yaml))$")
"""A first line that says which file a block is."""


def name_of(page: Path) -> str:
    """How a page is called: `docs/how-to/own-text.md`."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    file: str
    """The file that a reader is to write it into, if its first line names one."""
    shown: str | None
    """What it prints, if a block of text follows it at once."""


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    for found in FENCED.finditer(text):
        code = textwrap.dedent(found[3])
        named = NAMED.match(code.split("\n", 1)[0])
        behind = FENCED.match(text, found.end() + 2)
        shown = behind[3] if behind and behind[2] == "text" else None
        yield Block(found[2], code, named[1] if named else "", shown)


def commands(block: Block) -> list[str]:
    """The commands of a block for a shell, one a line, without comments."""
    joined = block.text.replace("\\\n", " ")
    bare = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in bare if line]
