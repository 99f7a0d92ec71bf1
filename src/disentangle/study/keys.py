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
    "perturbation.truncate": "<truncation>",
    "perturbation.surgery.operations": "<operation>",
    "execution.by_size": "<size>",
    "design.interventions": "<arm>",
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
        kinds = _sections_of(given)
        kind = kinds[0] if len(kinds) == 1 else None
        inner = sections[kind] if kind else None
        meaning = given.get("description") or (inner or {}).get("description", "")
        meaning = " ".join(meaning.replace("|", "\\|").split())
        if len(kinds) > 1:
            yield f"{key}.{NAMED[key]}", meaning, ""
            yield from _rows_of_kinds(kinds, f"{key}.{NAMED[key]}", sections)
            continue
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


def _rows_of_kinds(
    kinds: list[str], key: str, sections: dict[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """A section that has one of several kinds: each kind, and then its own keys."""
    for kind in kinds:
        own = dict(sections[kind]["properties"])
        name = own.pop("kind")["const"]
        yield f"{key}: {{kind: {name}}}", " ".join(sections[kind]["description"].split()), ""
        yield from _rows({"properties": own}, f"{key}.", sections)


def _sections_of(given: dict[str, Any]) -> list[str]:
    """The names of the sections that a key may have, or each entry of its list or mapping."""
    choices = [given, *given.get("anyOf", []), given.get("items", {})]
    entries = given.get("additionalProperties")
    if isinstance(entries, dict):
        choices += [entries, *entries.get("anyOf", [])]
    choices += [kind for choice in choices for kind in choice.get("oneOf", [])]
    return [str(one["$ref"]).rpartition("/")[2] for one in choices if "$ref" in one]


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
