"""What training choices do at equal ID loss, beside what they do at the end of training."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.neighbours.matched_loss import LEVEL, RANK
from disentangle.tables.select import CHIEF_METRIC
from disentangle.vocabulary.metrics import is_metric, metric_label
from disentangle.vocabulary.scores import outcome_label

SIZE = "params_non_embedding"


def matched_loss(effects: pd.DataFrame) -> Figure:
    """Draw a panel per response: each choice's partial correlation with it, at both moments.

    The loss is that of `LEVEL`; the table has the others.

    Args:
        effects: the matched_effects table. Of its metrics the rank of W is drawn, and all scores.
    """
    rows = effects[effects["reached"] == LEVEL]
    drawn = [
        name
        for name in dict.fromkeys(rows["response"])
        if name == CHIEF_METRIC or not name.endswith(RANK)
    ]
    choices = list(dict.fromkeys(rows["choice"]))
    width, height = 2.6 * max(len(drawn), 1) + 1.4, 0.42 * len(choices) + 1.3
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(1, max(len(drawn), 1), squeeze=False, sharex=True, sharey=True)[0]
    for panel, response in zip(panels, drawn, strict=False):
        some = rows[rows["response"] == response]
        place = some["choice"].map({name: i for i, name in enumerate(choices)})
        for lift, prefix, label, colour in (
            (-0.13, "end_", "at the end of training", PALETTE[6]),
            (0.13, "", "at equal loss", PALETTE[0]),
        ):
            low, high = some[f"{prefix}low"], some[f"{prefix}high"]
            panel.hlines(place + lift, low, high, color=colour)
            panel.plot(
                some[f"{prefix}rho"], place + lift, "o", color=colour, markersize=4.5, label=label
            )
        panel.axvline(0, color="#555555", linewidth=0.9)
        panel.set_title(_label(response))
        panel.set_xlim(-1.05, 1.05)
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(choices)), [_choice(name) for name in choices])
    panels[0].set_ylim(len(choices) - 0.5, -0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    figure.supxlabel("partial ρ, given the other choices (95 % interval)", fontsize=9)
    return figure


def _label(response: str) -> str:
    return metric_label(response) if is_metric(response) else outcome_label(response)


def _choice(name: str) -> str:
    return "size" if name == SIZE else name.replace("_", " ")
