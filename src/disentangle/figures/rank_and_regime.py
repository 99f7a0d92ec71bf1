"""The association of rank with loss against steps over AdamW's memory: where its sign turns."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.statistics.over_training import ALL, FEWEST
from disentangle.study.regime import FORGOTTEN


def rank_and_regime(table: pd.DataFrame) -> Figure:
    """Draw Spearman's rho over runs at each share of training, one line per arm of the design.

    Args:
        table: the table over_training.
    """
    figure = Figure(figsize=(7.2, 4.2))
    panel = figure.subplots()
    if table.empty:
        panel.set_axis_off()
        panel.text(0, 0.5, f"Fewer than {FEWEST} runs: no association is shown.")
        return figure
    known = table.dropna(subset=["rho", "steps_over_tau"])
    named = [arm for arm in known["arm"].unique() if arm != ALL] or [ALL]
    for color, arm in zip(PALETTE * len(named), named, strict=False):
        line = known[known["arm"] == arm].sort_values("steps_over_tau")
        runs = int(line["n"].max())
        panel.fill_between(
            line["steps_over_tau"], line["rho_low"], line["rho_high"], color=color, alpha=0.12
        )
        panel.plot(
            line["steps_over_tau"], line["rho"], color=color, marker="o", markersize=3.5,
            linewidth=1.4, label=f"{arm} ({runs} runs)",
        )  # fmt: skip
    panel.axhline(0, color="0.5", linewidth=0.8)
    panel.axvline(FORGOTTEN, color="0.5", linewidth=0.8, linestyle=":")
    panel.set_xscale("log")
    panel.set_ylim(-1, 1)
    panel.set_xlabel("steps over AdamW's memory so far (geometric mean over the runs)")
    panel.set_ylabel("Spearman's \u03c1, rank of W and id loss")
    panel.legend(frameon=False, fontsize=8)
    return figure
