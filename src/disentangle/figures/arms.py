"""How the arms of an experiment look and what they are called, in all its figures."""

import pandas as pd

from disentangle.causal.panel import CONTROL, KINDS
from disentangle.checkpoint.references import BASE
from disentangle.figures.style import PALETTE

CONTROL_COLOUR = "#000000"

COLOURS = dict(zip(KINDS, PALETTE, strict=False))
"""Colour of each kind of intervention."""

WORDS = {
    "spectrum": "rank held",
    "initial_spectrum": "initial rank",
    "rotate": "sham: turned at random",
    "norm": "placebo: norm held",
    "gauge": "placebo: gauge",
    "factor": "two factors",
}
"""What each kind does, for legends."""


def colour(kind: str) -> str:
    """The colour of a kind; black for the control."""
    return COLOURS.get(kind, CONTROL_COLOUR)


def words(kind: str) -> str:
    """The name of a kind for a legend."""
    return WORDS.get(kind, "control")


def experiment_rows(observations: pd.DataFrame) -> pd.DataFrame:
    """The rows of an experiment: every arm, and the control's of the same cells; as trained."""
    rows = observations[observations["variant"] == BASE]
    rows = rows.assign(arm=rows["arm"].fillna(CONTROL), kind=rows["intervention"].fillna(CONTROL))
    if "late" in rows:
        rows = rows[rows["late"].fillna("") == ""]
    cells = rows[rows["arm"] != CONTROL][["size", "configuration"]].drop_duplicates()
    return rows.merge(cells, on=["size", "configuration"])
