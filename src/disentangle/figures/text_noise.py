"""How far losses rise late where the training text has noise, against size."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE


def text_noise_figure(found: pd.DataFrame) -> Figure:
    """Draw each run's rise since its lowest ID loss; saturated runs are filled.

    Args:
        found: the text_noise table.
    """
    figure = Figure(figsize=(6.2, 3.4))
    panel = figure.subplots()
    for place, share in enumerate(sorted(found["token_noise"].unique())):
        rows, colour = found[found["token_noise"] == share], PALETTE[place % len(PALETTE)]
        means = rows.groupby("params_non_embedding")["degradation"].mean()
        panel.plot(means.index, means, "-", color=colour, label=f"{100 * share:g} %")
        saturated = rows["verdict"] == "saturated"
        for some, filled in ((rows[saturated], colour), (rows[~saturated], "white")):
            panel.plot(
                some["params_non_embedding"],
                some["degradation"],
                "o",
                markersize=5,
                color=colour,
                markerfacecolor=filled,
            )
    panel.set_xscale("log")
    panel.set_xlabel("weights of the blocks")
    panel.set_ylabel("rise of ID loss since its lowest,\nbits per byte")
    if len(found):
        figure.legend(loc="outside upper center", ncols=6, title="random tokens")
    return figure
