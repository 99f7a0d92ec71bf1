"""Rows of the report's section on an experiment on W."""

from typing import Any

import pandas as pd

from disentangle.figures.arms import words
from disentangle.report.numbers import probability, significant
from disentangle.report.rows import records
from disentangle.tables.select import chief_outcome


def experiment(tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """What the section shows; None for a study without an experiment.

    Args:
        tables: all tables of the study by name.
    """
    if "causal_arms" not in tables:
        return None
    slopes, effects = tables["causal_slopes"], tables["arm_effects"]
    losses = effects[effects["role"] == "outcome"]
    outcome = chief_outcome(list(dict.fromkeys(losses["response"])))
    return {
        "outcome": outcome,
        "bound": float(slopes["bound"].max()) if len(slopes) else float("nan"),
        "readings": records(tables["causal_readings"]),
        "arms": _arms(tables["causal_arms"], losses[losses["response"] == outcome]),
        "effects": _effects(effects[effects["arm"] != "any"]),
        "slopes": _slopes(slopes),
    }


def _arms(arms: pd.DataFrame, effects: pd.DataFrame) -> list[dict[str, Any]]:
    """Each arm with its effect on the chief loss, against its own reference."""
    cell = ["size", "configuration", "arm"]
    joined = arms.merge(effects, on=cell, how="left", suffixes=("", "_of_effect"))
    return [
        row
        | {
            "what": words(row["intervention"]),
            "effect": significant(row["effect"], row["low"], row["high"]),
            "holm": probability(row["holm_p"]),
        }
        for row in records(joined)
    ]


def _effects(effects: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        row
        | {
            "found": significant(row["effect"], row["low"], row["high"]),
            "holm": probability(row["holm_p"]),
        }
        for row in records(effects)
    ]


def _slopes(slopes: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        row
        | {
            "found": significant(row["per_tenth"], row["per_tenth_low"], row["per_tenth_high"]),
            "p_shown": probability(row["p"]),
            "j_shown": probability(row["j_p"]),
            "none": probability(row["equivalence_p"]),
        }
        for row in records(slopes)
    ]
