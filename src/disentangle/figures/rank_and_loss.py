"""Effective rank against loss at the end of training, coloured by each hyperparameter in turn."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from disentangle.figures.style import GRID, INK, PALETTE
from disentangle.study.external import EXTERNAL
from disentangle.study.token_counts import spell_count
from disentangle.tables.comparable import final_runs
from disentangle.tables.select import chief_metric, chief_outcome, geometry_metrics, losses
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label

HYPERPARAMETERS = {
    "size": "model size",
    "tokens_budget": "training tokens",
    "batch_size": "batch size",
    "weight_decay": "weight decay",
    "learning_rate": "learning rate (× default)",
    "final_lr": "final learning rate",
    "beta2_steps": "memory of squared gradients, steps",
    "head_decay": "decay of the head, multiple",
    "seed": "seed",
}

NAMED = 4
"""Up to this many external models have a colour and a name each; more are black stars."""


def rank_and_loss(observations: pd.DataFrame, instead: Sequence[str] = ()) -> Figure:
    """Draw one panel per hyperparameter that varies; all panels have the same points.

    Effective rank of W (or the first metric) against loss on the id domain. External models are
    stars if the study has models of its own, else circles.

    Args:
        observations: the observations table.
        instead: scores to take the first of, if there is no loss.
    """
    rank = chief_metric(geometry_metrics(observations))
    loss = chief_outcome(losses(observations) or list(instead))
    finals = final_runs(observations, "base").dropna(subset=[rank, loss])
    finals = finals.rename(columns={rank: "rank", loss: "loss"})
    external = finals[finals["configuration"] == EXTERNAL]
    if len(external) < len(finals):
        finals = finals[finals["configuration"] != EXTERNAL]
    else:
        external = external[:0]
    varied = [
        name for name in HYPERPARAMETERS if name in finals and finals[name].nunique() > 1
    ] or ["size"]
    columns = min(3, len(varied))
    rows = -(-len(varied) // columns)
    # the legend is beside the panel: inside, it could hide points
    figure = Figure(figsize=(4.2 * columns + 0.4, 2.9 * rows))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for panel, name in zip(panels.flat, varied, strict=False):
        _panel(panel, finals, external, name)
    for i in range(len(varied), rows * columns):
        panels.flat[i].set_axis_off()
        panels.flat[i - columns].tick_params(labelbottom=True)  # no panel below has labels
    figure.supxlabel(metric_label(rank), fontsize=9)
    figure.supylabel(outcome_label(loss), fontsize=9)
    return figure


def _spell(name: str, value: str | float) -> str:
    if isinstance(value, str):
        return value
    if name == "tokens_budget" and value == round(value):
        return spell_count(round(value))
    return np.format_float_positional(value, trim="-")


def _panel(panel: Axes, finals: pd.DataFrame, external: pd.DataFrame, name: str) -> None:
    values = list(dict.fromkeys(finals.sort_values("params_non_embedding")["size"]))
    if name != "size":
        values = sorted(finals[name].unique())
    for i, value in enumerate(values):
        group = finals[finals[name] == value]
        label = _spell(name, value)
        # the most common value is grey, so that the others stand out
        common = name not in ("size", "seed") and len(group) > len(finals) / 2
        panel.scatter(
            group["rank"],
            group["loss"],
            s=34,
            color="#bbbbbb" if common else PALETTE[i % len(PALETTE)],
            edgecolor="white",
            linewidth=0.6,
            label=label,
            zorder=2 if common else 3,
        )
    panel.set_title(HYPERPARAMETERS[name])
    names = external["run"].tolist()
    by_name = name == "size" and len(names) <= NAMED
    for key, group in external.groupby("run" if by_name else "configuration", sort=True):
        panel.scatter(
            group["rank"],
            group["loss"],
            s=90,
            marker="*",
            color=PALETTE[(len(values) + names.index(str(key))) % len(PALETTE)] if by_name else INK,
            edgecolor="white",
            linewidth=0.6,
            label=str(key) if by_name else "external",
            zorder=4,
        )
    if panel.collections:
        panel.legend(
            handletextpad=0.1,
            borderpad=0.2,
            borderaxespad=0,
            loc="upper left",
            bbox_to_anchor=(1.02, 1),
        )
    panel.grid(color=GRID)
