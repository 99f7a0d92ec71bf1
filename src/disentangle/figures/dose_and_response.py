"""What each arm of an experiment did to rank and to loss, before the cloud of plain runs."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from disentangle.causal.observational import untouched
from disentangle.causal.panel import CONTROL
from disentangle.causal.settings import EXPOSURE
from disentangle.figures.arms import colour, experiment_rows, words
from disentangle.figures.style import PALETTE
from disentangle.tables.select import chief_outcome, losses
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label

CLOUD = "#b8b8b8"


def dose_and_response(observations: pd.DataFrame) -> Figure:
    """Draw a panel per size: final loss against the rank that each run reached.

    A dot is a run of an arm; thin lines join the arms that hold a rank and the control of one seed.
    Grey squares are runs that nobody intervened on and that differ in training choices.
    """
    outcome = chief_outcome(losses(observations))
    rows = experiment_rows(observations)
    rows = rows[rows["final"]].dropna(subset=[EXPOSURE, outcome])
    sizes = list(dict.fromkeys(rows["size"]))
    figure = Figure(figsize=(5.4 * min(len(sizes), 2) + 2.2, 4.2 * -(-len(sizes) // 2)))
    panels = figure.subplots(-(-len(sizes) // 2), min(len(sizes), 2), squeeze=False)
    for size, panel in zip(sizes, panels.flat, strict=False):
        _draw(panel, rows[rows["size"] == size], untouched(observations, size), outcome)
        panel.set_title(f"{size} parameters without embeddings")
        panel.set_xlabel(metric_label(EXPOSURE))
    for spare in panels.flat[len(sizes) :]:
        spare.set_axis_off()
    panels.flat[0].set_ylabel(outcome_label(outcome))
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper")
    return figure


def _draw(panel: Axes, rows: pd.DataFrame, plain: pd.DataFrame, outcome: str) -> None:
    configurations = set(rows["configuration"])
    cloud = plain[~plain["configuration"].isin(configurations)]
    panel.plot(
        cloud[EXPOSURE], cloud[outcome], "s", color=CLOUD, markersize=4, label="no intervention"
    )
    for _, block in rows[rows["kind"].isin([CONTROL, "spectrum"])].groupby("seed"):
        held = block.sort_values(EXPOSURE)
        panel.plot(held[EXPOSURE], held[outcome], color=PALETTE[0], linewidth=0.5, alpha=0.5)
    for kind in dict.fromkeys(rows.sort_values("kind")["kind"]):
        of_kind = rows[rows["kind"] == kind]
        panel.plot(
            of_kind[EXPOSURE], of_kind[outcome], "o", color=colour(kind), markersize=4,
            alpha=0.8, label=words(kind),
        )  # fmt: skip
    for name, arm in rows.groupby("arm"):
        panel.annotate(
            str(name) or "control",
            (float(np.mean(arm[EXPOSURE])), float(arm[outcome].max())),
            xytext=(0, 5), textcoords="offset points", ha="center", fontsize=7.5,
        )  # fmt: skip
