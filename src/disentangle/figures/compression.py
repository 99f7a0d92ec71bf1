"""What truncation and pruning cost, against what they leave."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE

COLOURS = dict(zip(("magnitude", "svd", "cp", "tucker"), PALETTE, strict=False))

LINEAR = 0.01
"""Bits per byte; the axis of the loss is linear below and logarithmic above."""


def compression(compressed: pd.DataFrame) -> Figure:
    """Draw a panel per choice of matrices and layers: a point per run, a line per method.

    Lines join the means over runs. GPTQ is not drawn: its weights are as many as before.

    Args:
        compressed: the table of that name.
    """
    rows = compressed.dropna(subset=["numbers"])
    place = rows["matrices"].map(_of_matrices) + rows["layers"].map(_of_layers)
    drawn = list(dict.fromkeys(place))
    columns = min(3, max(len(drawn), 1))
    panel_rows = max(-(-len(drawn) // columns), 1)
    figure = Figure(figsize=(3.3 * columns + 0.4, 2.8 * panel_rows + 0.4))
    panels = figure.subplots(panel_rows, columns, squeeze=False, sharex=True, sharey=True)
    for panel, name in zip(panels.flat, drawn, strict=False):
        for method, of_method in rows[place == name].groupby("method", sort=True):
            colour = COLOURS[str(method)]
            panel.scatter(of_method["numbers"], of_method["added"], s=9, color=colour, alpha=0.35)
            means = of_method.groupby("variant")[["numbers", "added"]].mean()
            means = means.sort_values("numbers")
            label = "pruning" if method == "magnitude" else str(method)
            panel.plot(means["numbers"], means["added"], "o-", color=colour, label=label)
        panel.axhline(0, color="#555555", linewidth=0.9)
        panel.set_yscale("symlog", linthresh=LINEAR)
        panel.set_title(name)
    for i in range(len(drawn), panels.size):
        panels.flat[i].set_axis_off()
        if i >= columns:  # no panel below has labels
            panels.flat[i - columns].tick_params(labelbottom=True)
    found = dict(
        pair
        for panel in panels.flat
        for pair in zip(*reversed(panel.get_legend_handles_labels()), strict=True)
    )
    if found:
        figure.legend(found.values(), found, loc="outside upper center", ncols=len(found))
    figure.supxlabel("numbers left, as a share of the weights", fontsize=9)
    figure.supylabel("loss added, bits per byte", fontsize=9)
    return figure


def _of_matrices(matrices: str) -> str:
    """'q k, one stack' as 'q, k, one stack'; pruning's 'all of the layers' as it is."""
    names, *more = matrices.split(", ")
    words = names if names.startswith("all") else names.replace(" ", ", ")
    return ", ".join([words, *more])


def _of_layers(layers: str) -> str:
    return "" if layers in ("", "all") else f", layer {layers.replace(' ', ', ')}"
