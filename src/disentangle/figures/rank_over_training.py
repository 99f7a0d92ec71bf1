"""Effective rank of W and H over training: one column per size, one style per configuration."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.checkpoint.references import BASE
from disentangle.figures.style import INK
from disentangle.figures.training_curves import configuration_legend, looks
from disentangle.study.run import Run

MATRICES = {"W_effective_rank_pct": "W, % of d", "H_effective_rank_pct": "H, % of d"}


def rank_over_training(runs: dict[str, Run], observations: pd.DataFrame) -> Figure:
    """Draw the effective rank of every model's checkpoints, with step 0 at the left edge.

    Each external model has its own column. If the tokens of any model are not known, the x axis
    is steps.
    """
    base = observations[observations["variant"] == BASE].sort_values(
        ["params_non_embedding", "run", "step"]
    )
    matrices = {column: label for column, label in MATRICES.items() if column in base}
    along = "tokens" if base["tokens"].notna().all() else "step"
    sizes = list(dict.fromkeys(base["size"]))
    figure = Figure(figsize=(min(3.6 * len(sizes), 11) + 0.8, 2.6 * len(matrices) + 0.6))
    panels = figure.subplots(len(matrices), len(sizes), squeeze=False, sharex=True, sharey="row")
    look = looks(runs)
    first = base.loc[base["step"] > 0, along].min()
    for row, (column, label) in enumerate(matrices.items()):
        panels[row, 0].set_ylabel(f"effective rank of {label}")
        for name, checkpoints in base.groupby("run", sort=False):
            size, configuration = checkpoints[["size", "configuration"]].iloc[0]
            panels[row, sizes.index(size)].plot(
                checkpoints[along],
                checkpoints[column],
                marker="o",
                markersize=2.5,
                linewidth=1.1,
                **(look[configuration] if name in runs else {"color": INK}),
            )
    for j, size in enumerate(sizes):
        panels[0, j].set_title(size)
        panels[-1, j].set_xscale("symlog", linthresh=first)
        panels[-1, j].set_xlabel(f"training {'tokens' if along == 'tokens' else 'steps'}")
    if runs:
        configuration_legend(figure, runs)
    return figure
