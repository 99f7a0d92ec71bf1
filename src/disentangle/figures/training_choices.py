"""Effect of each training choice on rank and loss, per size."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.checkpoint.references import BASE
from disentangle.figures.style import PALETTE
from disentangle.figures.training_curves import departures
from disentangle.study.run import Run
from disentangle.tables.comparable import final_runs
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME

MEASURED = {
    CHIEF_METRIC: "effective rank of W, change in % of d",
    CHIEF_OUTCOME: "in-distribution loss, change in bits per byte",
}


def departures_from_base(runs: dict[str, Run], observations: pd.DataFrame) -> pd.DataFrame:
    """Each run's difference from the base configuration at its size.

    The base is the mean over its seeds. The base's own seeds are rows too; their spread is the
    noise to compare departures with.

    Returns:
        One row per finished run: size, departure, and a column per key of `MEASURED`. Sizes
        without a base are left out.
    """
    finals = final_runs(observations, BASE)
    labels = departures(runs)
    finals = finals.assign(departure=finals["configuration"].map(labels))
    base = finals[finals["departure"] == "base"].groupby("size")[list(MEASURED)].mean()
    finals = finals[finals["size"].isin(base.index)]
    changes = finals[list(MEASURED)] - base.loc[finals["size"]].to_numpy()
    return pd.concat([finals[["size", "departure"]], changes], axis=1).reset_index(drop=True)


def training_choices(runs: dict[str, Run], observations: pd.DataFrame) -> Figure:
    """Draw a row per departure from the base, with a dot per size (and seed)."""
    table = departures_from_base(runs, observations)
    names = list(dict.fromkeys(departures(runs).values()))
    sizes = list(dict.fromkeys(run.size.name for run in runs.values()))
    figure = Figure(figsize=(9.2, 0.32 * len(names) + 1.3))
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (column, label) in zip(panels, MEASURED.items(), strict=True):
        for i, size in enumerate(sizes):
            rows = table[table["size"] == size]
            height = rows["departure"].map(names.index) + 0.5 * (i / max(1, len(sizes) - 1) - 0.5)
            colour = PALETTE[i % len(PALETTE)]
            panel.plot(rows[column], height, "o", color=colour, markersize=4, label=size)
        panel.axvline(0, color="#555555", linewidth=0.9)
        panel.set_xlabel(label)
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(names)), ["base (seeds)", *names[1:]])
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(sizes))
    return figure
