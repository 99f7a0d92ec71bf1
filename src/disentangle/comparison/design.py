"""What differs in the designs of studies."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from disentangle.comparison.study import Compared

NO_DESIGN = ("study", "archive", "execution")
"""Keys of a study file that say nothing about its models: its name, and how it is run and kept."""

ABSENT = "-"
"""Shown where a study does not have a key."""

LONGEST = 240
"""Characters of a value that are shown."""

REGIME = {
    "tokens_per_weight": "tokens per weight of the blocks",
    "steps_over_tau": "steps over tau, AdamW's memory",
    "epochs": "epochs of the text",
    "rows_per_dimension": "vocabulary over dimension, V / d",
}


@dataclass(frozen=True)
class Difference:
    """A key of the study files that is not the same in all."""

    group: str
    """The section of the study file."""
    key: str
    values: tuple[str, ...]
    """In each study."""


def differences(studies: Sequence[Compared]) -> list[Difference]:
    """The keys of the study files whose values differ, in the order of their sections.

    Studies without a kept design are left out: see `Compared.design`.
    """
    designs = [_flat(study.design) for study in studies if study.design is not None]
    keys = list(dict.fromkeys(key for design in designs for key in design))
    found = []
    for key in keys:
        group, _, rest = key.partition(".")
        values = [design.get(key, ABSENT) for design in designs]
        if group not in NO_DESIGN and len(set(values)) > 1:
            found.append(Difference(group, rest or group, tuple(map(_short, values))))
    sections = list(dict.fromkeys(one.group for one in found))
    return sorted(found, key=lambda one: sections.index(one.group))


def _flat(design: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Dotted keys to values as JSON; of a list of named parts, such as sizes, each is a value."""
    found: dict[str, str] = {}
    for key, value in design.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{name}.")
        elif _are_named(value):
            for part in value:
                settings = {key: part[key] for key in part if key != "name"}
                found[f"{name}.{part['name']}"] = json.dumps(settings, ensure_ascii=False)
        else:
            found[name] = json.dumps(value, ensure_ascii=False)
    return found


def _are_named(value: Any) -> bool:
    """Whether it is a list of parts with names of their own, such as sizes and tasks."""
    if not isinstance(value, list) or not value:
        return False
    named = [part.get("name") for part in value if isinstance(part, Mapping)]
    return len(named) == len(value) == len(set(named)) and None not in named


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def numbers(studies: Sequence[Compared]) -> list[tuple[str, tuple[str, ...]]]:
    """What is in each study, in numbers: models, sizes, and the regime they were trained in.

    Returns:
        A label, and the number or its range in each study.
    """
    rows = [("models", tuple(str(finals(study)["run"].nunique()) for study in studies))]
    rows.append(("non-embedding weights", tuple(_range(finals(s), SIZE) for s in studies)))
    rows.append(("sizes", tuple(str(_kinds(finals(study), SIZE)) for study in studies)))
    seeds = tuple(str(_kinds(finals(study), "seed")) for study in studies)
    rows.append(("seeds", seeds))
    for column, label in REGIME.items():
        rows.append((label, tuple(_range(study.table("regime"), column) for study in studies)))
    return [row for row in rows if set(row[1]) != {ABSENT}]


SIZE = "params_non_embedding"


def finals(study: Compared) -> pd.DataFrame:
    """The last checkpoint of each model as trained, from the table of observations."""
    table = study.table("observations")
    if not {"run", "final", "variant"} <= set(table.columns):
        return pd.DataFrame({"run": []})
    return table[table["final"].astype(bool) & (table["variant"] == "base")]


def _kinds(table: pd.DataFrame, column: str) -> int:
    return int(table[column].nunique()) if column in table else 0


def _range(table: pd.DataFrame, column: str) -> str:
    values = table[column].dropna() if column in table else pd.Series(dtype=float)
    if values.empty:
        return ABSENT
    ends = [f"{float(f'{end:.3g}'):,g}" for end in (values.min(), values.max())]
    return " to ".join(dict.fromkeys(ends))
