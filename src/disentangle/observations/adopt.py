"""Convert a user's table to the columns of the observations table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.observations.columns import numbers, sources_of, truth_values, words
from disentangle.observations.faults import COUNTS, faults_of, refuse, spelled, whole
from disentangle.study.sections.observations import CHOICES, OPTIONAL_CHOICES, SEEDS, Reading
from disentangle.study.token_counts import spell_count
from disentangle.tables.collect import with_changes
from disentangle.tables.collected import OBSERVATIONS

TEXTS = ("run", "variant", "size", "status", "late", "arm", "intervention")


def adopt(
    table: pd.DataFrame, reading: Reading | None = None, *, also: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The observations in a table, checked.

    Args:
        table: one row per checkpoint and variant, or one per model.
        reading: how its columns map to ours; see `study.sections.observations`.
        also: names of further scores to use, besides listed ones and those that end as losses.

    Returns:
        Rows as in the observations table, sorted. Missing columns are derived: without `step`, a
        run has one checkpoint, which is step 1 and its last; `size` is named after the number of
        weights; `learning_rate_multiple` is the learning rate.

    Raises:
        StudyError: with all faults at once, by column and row.
    """
    reading = reading or Reading()
    table = table.reset_index(drop=True)
    sources = sources_of(table, reading, also)
    theirs = {name: column.column for name, column in sources.items()}
    columns, faults = {}, []
    for name, source in sources.items():
        values, label = table[source.column], spelled(name, theirs)
        if name in TEXTS:
            columns[name] = words(values)
            continue
        read = truth_values if name == "final" else numbers
        columns[name], wrong = read(values, label)
        faults += wrong
        if name != "final":
            columns[name] *= source.times
        if name in COUNTS:
            columns[name] = whole(columns[name])
    refuse(faults)
    found = _completed(pd.DataFrame(columns), reading)
    refuse(faults_of(found, theirs, reading))
    ordered = [name for name, *_ in OBSERVATIONS.columns]
    found = with_changes(found)
    found = found[[*ordered, *(name for name in found.columns if name not in ordered)]]
    return found.sort_values(["run", "step", "variant"], ignore_index=True)


def _completed(found: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Add derived columns, and nulls for unknown ones."""
    for name, value in reading.fixed.items():
        found[name] = np.nan if value is None else value
    if "learning_rate_multiple" not in found:
        found["learning_rate_multiple"] = found["learning_rate"]
    if "learning_rate" not in found:
        found["learning_rate"] = found["learning_rate_multiple"]
    if "size" not in found:
        found["size"] = [
            spell_count(round(n)) if np.isfinite(n) else None for n in found["params_non_embedding"]
        ]
    defaults: dict[str, float | str] = {
        "step": 1.0,
        "variant": BASE,
        "status": "complete",
        "late": "",
        "arm": "",
        "intervention": "",
    }
    for name, default in defaults.items():
        found[name] = found[name].fillna(default) if name in found else default
    if "final" not in found:
        found["final"] = found["step"] == found.groupby("run")["step"].transform("max")
    unknown = ("params_embedding", *SEEDS, *OPTIONAL_CHOICES, "dose")
    for name in (*unknown, "compute", "released", "steps_over_tau"):
        if name not in found:
            found[name] = np.nan
    for name in ("init_seed", "data_seed"):
        found[name] = found[name].fillna(found["seed"])
    if "tokens" not in found:
        found["tokens"] = found["tokens_budget"].where(found["final"])
    known = [name for name in (*CHOICES, *OPTIONAL_CHOICES) if found[name].notna().any()]
    found["configuration"] = [
        ", ".join(f"{name}={value:g}" for name, value in zip(known, row, strict=True))
        for row in found[known].itertuples(index=False)
    ]
    return found
