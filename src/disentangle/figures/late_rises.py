"""Late rises of the loss beside falls of the rank of W, by departure from the base."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.figures.training_curves import departures
from disentangle.study.run import Run
from disentangle.tables.select import CHIEF_OUTCOME

VERDICTS = {"saturated": PALETTE[1], "undecided": PALETTE[6], "not saturated": PALETTE[0]}
"""Verdict on a run to its colour."""


def late_rises(runs: dict[str, Run], saturation: pd.DataFrame) -> Figure:
    """Draw a row per departure from the base, with a dot per run, coloured by its verdict.

    Left the rise of ID loss since its lowest with its interval, right what the rank of W lost since
    its highest.

    Args:
        runs: the study's runs, in its order.
        saturation: the table saturation.
    """
    rows = saturation[(saturation["outcome"] == CHIEF_OUTCOME) & saturation["run"].isin(list(runs))]
    labels = departures(runs)
    names = list(dict.fromkeys(labels.values()))
    row_of = {name: names.index(labels[run.configuration]) for name, run in runs.items()}
    place = rows["run"].map(row_of)
    # runs of one row lie side by side, in the study's order
    beside = (place.groupby(place).cumcount() + 0.5) / place.groupby(place).transform("size")
    rows = rows.assign(height=place - 0.35 + 0.7 * beside)
    figure = Figure(figsize=(9.2, 0.32 * len(names) + 1.3))
    rise, fall = figure.subplots(1, 2, sharey=True)
    for verdict, colour in VERDICTS.items():
        some = rows[rows["verdict"] == verdict]
        rise.hlines(
            some["height"],
            some["degradation_low"],
            some["degradation_high"],
            color=colour,
            linewidth=0.9,
            alpha=0.5,
        )
        label = f"{verdict} ({len(some)})"
        rise.plot(some["degradation"], some["height"], "o", color=colour, markersize=3, label=label)
        fall.plot(100 * some["rank_fall"], some["height"], "o", color=colour, markersize=3)
    rise.axvline(0, color="#555555", linewidth=0.9)
    rise.set_xlabel("rise of ID loss since its lowest, bits per byte")
    fall.set_xlabel("rank of W lost since its highest, %")
    for panel in (rise, fall):
        panel.grid(axis="y", visible=False)
    rise.set_yticks(range(len(names)), names)
    rise.set_ylim(len(names) - 0.4, -0.6)
    handles, legend = rise.get_legend_handles_labels()
    figure.legend(handles, legend, loc="outside upper center", ncols=len(VERDICTS))
    return figure
