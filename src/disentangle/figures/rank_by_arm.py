"""The rank of each arm of an experiment over training."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.causal.panel import CONTROL
from disentangle.causal.settings import EXPOSURE
from disentangle.figures.arms import colour, experiment_rows
from disentangle.vocabulary.metrics import metric_label

LINES = ["-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1))]


def rank_by_arm(observations: pd.DataFrame) -> Figure:
    """Draw a panel per size: the mean rank of each arm at each checkpoint, bands over seeds."""
    rows = experiment_rows(observations).dropna(subset=[EXPOSURE])
    sizes = list(dict.fromkeys(rows["size"]))
    figure = Figure(figsize=(5.4 * min(len(sizes), 2) + 2.0, 3.6 * -(-len(sizes) // 2)))
    panels = figure.subplots(-(-len(sizes) // 2), min(len(sizes), 2), squeeze=False)
    for size, panel in zip(sizes, panels.flat, strict=False):
        of_size = rows[rows["size"] == size]
        arms = of_size[["kind", "dose", "arm"]].drop_duplicates().sort_values(["kind", "dose"])
        lines = dict.fromkeys(arms["kind"], 0)
        for kind, _, arm in arms.itertuples(index=False):
            by_step = of_size[of_size["arm"] == arm].groupby("tokens")[EXPOSURE]
            middle = by_step.mean()
            style = {"color": colour(kind), "linestyle": LINES[lines[kind] % len(LINES)]}
            lines[kind] += 1
            panel.plot(middle.index, middle, "o", markersize=2.5, label=arm or "control", **style)
            panel.plot(middle.index, middle, linewidth=2.0 if arm == CONTROL else 1.2, **style)
            panel.fill_between(
                middle.index, by_step.min(), by_step.max(), color=colour(kind), alpha=0.12
            )
        panel.set_xscale("symlog", linthresh=float(of_size.query("tokens > 0")["tokens"].min()))
        panel.set_title(f"{size} parameters without embeddings")
        panel.set_xlabel("training tokens")
    for spare in panels.flat[len(sizes) :]:
        spare.set_axis_off()
    panels.flat[0].set_ylabel(metric_label(EXPOSURE))
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper")
    return figure
