"""The components of task scores, and what they and compute predict beyond a cutoff."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.neighbours.scaling import ABILITY, BY_COMPUTE, COMPUTE, GEOMETRY

TITLES = {COMPUTE: "compute", ABILITY: "components", GEOMETRY: "components, rank of W"}


def scaling(components: pd.DataFrame, predictions: pd.DataFrame) -> Figure:
    """Draw each component's share, and predicted against observed scores beyond the cutoff.

    Args:
        components: the scaling_components table; it may be empty.
        predictions: the scaling_predictions table; it may be empty.
    """
    predictions = predictions[predictions["cutoff"] == BY_COMPUTE]
    drawn = [name for name in TITLES if name in set(predictions["predictors"])]
    figure = Figure(figsize=(2.6 * (1 + max(len(drawn), 1)) + 0.4, 2.9))
    shares, *panels = figure.subplots(1, 1 + max(len(drawn), 1))
    _draw_shares(shares, components)
    if not drawn:
        panels[0].set_axis_off()
        panels[0].text(0.5, 0.5, "too few models", ha="center", transform=panels[0].transAxes)
    beyond = predictions[predictions["beyond"].astype(bool)]
    tasks = list(dict.fromkeys(predictions["task"]))
    for panel, name in zip(panels, drawn, strict=False):
        rows = beyond[beyond["predictors"] == name]
        panel.plot([0, 1], [0, 1], color="#555555", linewidth=0.9)
        for k, task in enumerate(tasks):
            of_task = rows[rows["task"] == task]
            colour = PALETTE[k % len(PALETTE)]
            label = task.replace("_", " ") if len(tasks) <= len(PALETTE) else None
            x, y = of_task["observed"], of_task["predicted"]
            panel.plot(x, y, "o", color=colour, markersize=3, label=label)
        error = (rows["predicted"] - rows["observed"]).abs().mean()
        panel.set_title(f"from {TITLES[name]}\nmean error {error:.3f}", fontsize=8.5)
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1)
        panel.set_aspect("equal")
        panel.set_xlabel("score")
    if drawn:
        panels[0].set_ylabel("predicted, beyond the cutoff")
        handles, labels = panels[0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))
    return figure


def _draw_shares(panel: Axes, components: pd.DataFrame) -> None:
    panel.set_title("components of the scores")
    if components.empty:
        panel.set_axis_off()
        panel.text(0.5, 0.5, "too few tasks or models", ha="center", transform=panel.transAxes)
        return
    rows = components.drop_duplicates("component")
    panel.bar(rows["component"], rows["explained"], color=PALETTE[5])
    panel.vlines(rows["component"], rows["explained_low"], rows["explained_high"], color="#222222")
    panel.set_xticks(rows["component"])
    panel.set_ylim(0, 1)
    panel.set_xlabel("component")
    panel.set_ylabel("share of the variance")
