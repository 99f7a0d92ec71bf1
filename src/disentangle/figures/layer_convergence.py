"""Layer convergence: each layer's CKA with the last checkpoint over training."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.study.run import Run

DOMAIN = "id"


def layer_convergence(runs: dict[str, Run], layers: pd.DataFrame) -> Figure:
    """Draw a panel per size: each layer's similarity to its final state, as median over runs.

    Bands are interquartile ranges. The last checkpoint is left out, as it is 1 by definition.

    Args:
        runs: the study's runs by name.
        layers: the layers table; its id domain is drawn, or else its first domain.
    """
    domains = list(layers["domain"].unique())
    rows = layers[layers["domain"] == (DOMAIN if DOMAIN in domains else domains[0])]
    rows = rows[rows["part"] == "stream"]
    ends = rows.groupby("run")["step"].transform("max")
    share = (rows["step"] / ends).round(3)
    size = rows["run"].map({name: run.size.name for name, run in runs.items()})
    rows = rows.assign(share=share, size=size)[share < 1]
    sizes = list(dict.fromkeys(run.size.name for run in runs.values()))
    columns = min(3, len(sizes))
    panel_rows = -(-len(sizes) // columns)
    figure = Figure(figsize=(3.3 * columns + 0.4, 2.6 * panel_rows + 0.4))
    panels = figure.subplots(panel_rows, columns, squeeze=False, sharex=True, sharey=True)
    for panel, name in zip(panels.flat, sizes, strict=False):
        of_size = rows[rows["size"] == name]
        for layer in sorted(of_size["layer"].unique()):
            trajectory = of_size[of_size["layer"] == layer]
            # checkpoints are log-spaced shares of each run, so the runs' shares nearly agree
            place = trajectory.groupby("run")["share"].rank(method="first")
            by_place = trajectory.groupby(place)
            low, middle, high = (by_place["cka_to_last"].quantile(q) for q in (0.25, 0.5, 0.75))
            x, colour = by_place["share"].median(), PALETTE[layer % len(PALETTE)]
            label = "embedding" if layer == 0 else f"after block {layer}"
            panel.plot(x, middle, "o-", color=colour, markersize=3, label=label)
            panel.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        panel.set_title(name)
        panel.set_ylim(0, 1.02)
    for spare in panels.flat[len(sizes) :]:
        spare.set_axis_off()
    deepest = max(panels.flat[: len(sizes)], key=lambda panel: len(panel.lines))
    handles, labels = deepest.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(6, len(labels)))
    figure.supxlabel("share of the run's steps", fontsize=9)
    figure.supylabel("linear CKA with the last checkpoint", fontsize=9)
    return figure
