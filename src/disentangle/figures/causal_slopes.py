"""The slope of loss on rank, by observation and by intervention, side by side."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.tables.select import chief_outcome
from disentangle.vocabulary.scores import outcome_label

LEFT_OUT = (" minus ", "bend")
"""Parts of names of estimates that are no slopes of the pair."""


def causal_slopes(slopes: pd.DataFrame) -> Figure:
    """Draw every slope of the chief loss per tenth of d with its 95 % interval.

    The shaded band is the bound within which a slope counts as none. A slope whose interval is
    unbounded, since its arms hardly move the rank, is in the table alone.

    Args:
        slopes: the causal_slopes table.
    """
    rows = slopes[slopes["role"] == "outcome"]
    outcome = chief_outcome(list(dict.fromkeys(rows["response"])))
    ends = rows[["per_tenth", "per_tenth_low", "per_tenth_high"]]
    rows = rows[(rows["response"] == outcome) & np.isfinite(ends).all(axis=1)]
    for part in LEFT_OUT:
        rows = rows[~rows["estimator"].str.contains(part, regex=False)]
    rows = rows.reset_index(drop=True)
    several = rows["size"].nunique() > 1
    figure = Figure(figsize=(7.6, 0.36 * len(rows) + 1.2))
    panel = figure.subplots()
    if len(rows):
        bound = float(rows["bound"].max())
        panel.axvspan(-bound, bound, color="#eeeeee", zorder=0, label=f"within {bound:g}")
    seen = rows["arms"] == ""
    for observed, label, colour in (
        (True, "by observation", PALETTE[1]),
        (False, "by intervention", PALETTE[0]),
    ):
        some = rows[seen == observed]
        panel.hlines(some.index, some["per_tenth_low"], some["per_tenth_high"], color=colour)
        panel.plot(some["per_tenth"], some.index, "o", color=colour, markersize=5, label=label)
    panel.axvline(0, color="#555555", linewidth=0.9)
    names = rows["size"] + ": " + rows["estimator"] if several else rows["estimator"]
    panel.set_yticks(rows.index, names.tolist())
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel(f"change of {outcome_label(outcome)} per tenth of d (95 % interval)")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
