"""The table of a study file's keys, in docs/studies.md: generated from its schema.

python -m disentangle.study.keys docs/studies.md
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from disentangle.study.schema import schema

BEGIN = "<!-- the table of keys: python -m disentangle.study.keys docs/studies.md -->\n"
END = "<!-- end of the table of keys -->\n"

NAMED = {
    "corpus.heldout": "<domain>",
    "checkpoints": "<name>",
    "perturbation.finetune": "<target>",
    "perturbation.surgery.operations": "<operation>",
    "execution.by_size": "<size>",
}
"""Mappings whose keys the user chooses, and what these keys name."""

LARGE = 5000
"""Upper bounds from here on are not shown."""

ELSEWHERE = {"observations": "[observations.md](observations.md)"}
"""Sections with their own page."""

AS_IN_THE_BASE = {"Sweep": "", "Finetuning": "domain", "Recovery": "of", "Known": ""}
"""Sections with the keys of `design.base`, and what each has besides them."""


def document() -> str:
    """The table, as markdown."""
    whole = schema()
    rows = ["| key | meaning | values |", "|---|---|---|"]
    for key, meaning, values in _rows(whole, "", whole["$defs"]):
        rows.append(f"| `{key}` | {meaning} | {values} |".replace("|  |", "| |"))
    return "\n".join(rows) + "\n"


def replaced(text: str) -> str:
    """A page with its table regenerated."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + document() + "\n" + END + rest.split(END)[1]


def _rows(
    section: dict[str, Any], place: str, sections: dict[str, Any]
) -> Iterator[tuple[str, str, str]]:
    for name, given in section["properties"].items():
        key = f"{place}{name}"
        kind = _section_of(given)
        inner = sections[kind] if kind else None
        meaning = given.get("description") or (inner or {}).get("description", "")
        meaning = " ".join(meaning.replace("|", "\\|").split())
        if kind is None or inner is None:
            yield key, meaning, _values(given)
            continue
        if key in NAMED:
            key = f"{key}.{NAMED[key]}"
        elif given.get("type") == "array":
            key += "[]"
        same = "and the keys of `design.base`" if kind in AS_IN_THE_BASE else ""
        yield key, meaning, ELSEWHERE.get(key, same)
        if kind in AS_IN_THE_BASE:
            beside = AS_IN_THE_BASE[kind].split()
            inner = {"properties": {each: inner["properties"][each] for each in beside}}
        if key not in ELSEWHERE:
            yield from _rows(inner, f"{key}.", sections)


def _section_of(given: dict[str, Any]) -> str | None:
    """The name of the section that a key has, or each entry of its list or mapping; or None."""
    choices = [given, *given.get("anyOf", []), given.get("items", {})]
    entries = given.get("additionalProperties")
    if isinstance(entries, dict):
        choices += [entries, *entries.get("anyOf", [])]
    for choice in choices:
        if "$ref" in choice:
            return str(choice["$ref"]).rpartition("/")[2]
    return None


def _values(given: dict[str, Any]) -> str:
    """The values that a key may have, and its default."""
    kinds = [given, *given.get("anyOf", [])]
    said = [", ".join(f"`{one}`" for one in kind["enum"]) for kind in kinds if "enum" in kind]
    of_list = next((kind["items"] for kind in kinds if "items" in kind), None)
    for kind in (*kinds, *([of_list] if of_list else [])):
        if bounds := _bounds(kind):
            said.append(f"each {bounds}" if kind is of_list else bounds)
            break
    default = given.get("default")
    if default not in (None, {}, []):
        large = isinstance(default, float) and default >= LARGE
        said.append(f"default {default:g}" if large else f"default {json.dumps(default)}")
    return "; ".join(said)


def _bounds(kind: dict[str, Any]) -> str:
    said = []
    if (low := kind.get("minimum")) is not None:
        said.append(f"at least {low:g}")
    if (above := kind.get("exclusiveMinimum")) is not None:
        said.append(f"above {above:g}")
    # bounds that only catch typing errors are left out
    if (high := kind.get("maximum", LARGE)) < LARGE:
        said.append(f"at most {high:g}")
    if (below := kind.get("exclusiveMaximum", LARGE)) < LARGE:
        said.append(f"below {below:g}")
    return ", ".join(said)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(replaced(page.read_text()))
