"""The spectra of a model's matrices, one panel for each kind of matrix, one line for each layer."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from disentangle.figures import style

COLUMNS = 4


def spectra(matrices: pd.DataFrame) -> Figure:
    """Draw singular values, divided by the largest, against their rank in per cent.

    Args:
        matrices: rows of the table of matrices, of one model.
    """
    kinds = list(dict.fromkeys(matrices["matrix"]))
    rows = -(-len(kinds) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS + 0.6, 2.3 * rows))
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True)
    layers = Normalize(0, max(1, matrices["layer"].fillna(0).max()))
    colors = colormaps["viridis"]
    for panel, kind in zip(panels.flat, kinds, strict=False):
        for row in matrices[matrices["matrix"] == kind].itertuples():
            sigma = np.asarray(row.singular_values)
            color = style.INK if pd.isna(row.layer) else colors(layers(row.layer))
            share = 100 * np.arange(1, len(sigma) + 1) / len(sigma)
            panel.plot(share, np.maximum(sigma / sigma[0], 1e-8), color=color, linewidth=0.8)
        panel.set_title(kind)
        panel.set_yscale("log")
    for i in range(len(kinds), rows * COLUMNS):
        panels.flat[i].set_axis_off()
        panels.flat[i - COLUMNS].tick_params(labelbottom=True)  # no panel below has labels
    figure.supxlabel("rank of the singular value, %", fontsize=9)
    figure.supylabel("singular value / the largest", fontsize=9)
    figure.colorbar(
        ScalarMappable(layers, colors), ax=panels, label="layer", shrink=0.6,
        ticks=MaxNLocator(integer=True),
    )  # fmt: skip
    return figure
