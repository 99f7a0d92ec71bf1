"""The association of rank with loss against steps over AdamW's memory: where its sign turns."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.statistics.over_training import ALL, FEWEST
from disentangle.study.regime import FORGOTTEN


def rank_and_regime(table: pd.DataFrame) -> Figure:
    """Draw Spearman's rho over runs at each share of training, one line per arm of the design.

    Left against steps over AdamW's memory, right against the share itself: if the memory makes the
    sign turn, the arms turn together on the left; if the number of steps does, on the right.

    Args:
        table: the table over_training.
    """
    figure = Figure(figsize=(10.4, 4.4))
    if table.empty:
        panel = figure.subplots()
        panel.set_axis_off()
        panel.text(0, 0.5, f"Fewer than {FEWEST} runs: no association is shown.")
        return figure
    panels = figure.subplots(1, 2, sharey=True)
    known = table.dropna(subset=["rho", "steps_over_tau"])
    named = [arm for arm in known["arm"].unique() if arm != ALL] or [ALL]
    for color, arm in zip(PALETTE * len(named), named, strict=False):
        line = known[known["arm"] == arm].sort_values("steps_over_tau")
        for panel, along in zip(panels, ("steps_over_tau", "share"), strict=True):
            panel.fill_between(
                line[along], line["rho_low"], line["rho_high"], color=color, alpha=0.1, linewidth=0
            )
            panel.plot(
                line[along], line["rho"], color=color, marker="o", markersize=3.5, linewidth=1.4,
                label=f"{arm} ({int(line['n'].max())} runs)",
            )  # fmt: skip
    for panel in panels:
        panel.axhline(0, color="0.5", linewidth=0.8)
        panel.set_xscale("log")
        panel.set_ylim(-1, 1)
    panels[0].axvline(FORGOTTEN, color="0.5", linewidth=0.8, linestyle=":")
    panels[0].set_xlabel("steps over AdamW's memory so far (geometric mean over the runs)")
    panels[1].set_xlabel("share of each run's training so far")
    panels[0].set_ylabel("Spearman's \u03c1, rank of W and id loss")
    # beside the panels: inside, it would hide lines
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    return figure
