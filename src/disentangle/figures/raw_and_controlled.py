"""Raw against controlled association: one dot per metric."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from disentangle.checkpoint.references import BASE
from disentangle.figures.style import PALETTE
from disentangle.tables.select import chief_metric, chief_outcome
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label

VERDICTS = {
    "beyond training": PALETTE[1],
    "training only": PALETTE[0],
    "no association": PALETTE[2],
    "undecided": "#8a8a8a",
}
"""Verdict on a metric to its colour."""

NAMED = 3
"""How many metrics are named beside the chief one: those with most left given training."""

APART = 0.12
"""Metrics whose dots are nearer than this to a named one's are not named: names would overlap."""


def raw_and_controlled(associations: pd.DataFrame) -> Figure:
    """Draw each metric's raw rho (right) and residual rho (up) with the chief outcome.

    Crosses are 95 % intervals. On the horizontal line nothing is left given the training choices;
    on the diagonal control changes nothing.
    """
    associations = associations[associations["variant"] == BASE]
    outcome = chief_outcome(list(associations["outcome"].unique()))
    rows = associations[associations["outcome"] == outcome].dropna(subset=["rho", "residual_rho"])
    figure = Figure(figsize=(5.4, 5.2))
    panel = figure.subplots()
    panel.axhline(0, color="#555555", linewidth=0.9)
    panel.axvline(0, color="#555555", linewidth=0.9)
    panel.plot([-1, 1], [-1, 1], color="#555555", linewidth=0.9, linestyle=":")
    for verdict, colour in VERDICTS.items():
        _draw(panel, rows[rows["verdict"] == verdict], verdict, colour)
    _name(panel, rows)
    panel.set_xlim(-1.04, 1.04)
    panel.set_ylim(-1.04, 1.04)
    panel.set_aspect("equal")
    panel.set_xlabel(f"raw ρ with {outcome_label(outcome)}")
    panel.set_ylabel("controlled: residual ρ, given training choices")
    if rows.empty:
        panel.text(0, 0.05, "too few models for a controlled association", ha="center")
    else:
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def _draw(panel: Axes, rows: pd.DataFrame, verdict: str, colour: str) -> None:
    if rows.empty:
        return
    faint = 0.25 if len(rows) > 12 else 0.45
    x, y = rows["rho"], rows["residual_rho"]
    ends = (rows["residual_low"], rows["residual_high"])
    panel.hlines(y, rows["rho_low"], rows["rho_high"], color=colour, linewidth=0.9, alpha=faint)
    panel.vlines(x, *ends, color=colour, linewidth=0.9, alpha=faint)
    panel.plot(x, y, "o", color=colour, markersize=4.5, label=f"{verdict} ({len(rows)})")


def _name(panel: Axes, rows: pd.DataFrame) -> None:
    """Name the chief metric and those with most left, each beside its dot, away from the middle."""
    if rows.empty:
        return
    chief = rows[rows["metric"] == chief_metric(rows["metric"].tolist())]
    beyond = rows[rows["verdict"] == "beyond training"]
    most = beyond.loc[beyond["residual_rho"].abs().sort_values(ascending=False).index]
    named: list[tuple[float, float]] = []
    for _, row in pd.concat([chief, most]).drop_duplicates("metric").iterrows():
        x, y = float(row["rho"]), float(row["residual_rho"])
        if len(named) > NAMED or any(math.hypot(x - a, y - b) < APART for a, b in named):
            continue
        named.append((x, y))
        panel.annotate(
            metric_label(row["metric"]),
            (x, y),
            xytext=(8 if x < 0 else -8, 8 if y >= 0 else -8),
            textcoords="offset points",
            ha="left" if x < 0 else "right",
            va="bottom" if y >= 0 else "top",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )
