"""Loss before and after fine-tuning, joined over weight decay."""

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.statistics.design import configurations


def plasticity_figure(found: pd.DataFrame, observations: pd.DataFrame) -> Figure:
    """Draw a panel per domain: runs that differ in weight decay alone are joined, per size.

    A line that falls to the right is an inversion: the worse base model is better in the end.

    Args:
        found: the plasticity table.
        observations: the final base checkpoints, with the runs' choices.
    """
    domains = list(dict.fromkeys(found["domain"]))
    figure = Figure(figsize=(3.6 * max(len(domains), 1) + 0.8, 3.4))
    panels = figure.subplots(1, max(len(domains), 1), squeeze=False)[0]
    sizes = list(dict.fromkeys(observations.sort_values("params_non_embedding")["size"]))
    alike = pd.Series(
        configurations(observations.assign(weight_decay=0.0)), observations["run"].to_numpy()
    )
    for panel, domain in zip(panels, domains, strict=False):
        rows = found[found["domain"] == domain].dropna(subset=["base_loss", "after"])
        keys = [rows["size"], rows["seed"], rows["run"].map(alike)]
        for _, group in rows.groupby(keys, sort=False):
            joined = group.sort_values("weight_decay")
            if joined["weight_decay"].nunique() < 2:
                continue
            colour = PALETTE[sizes.index(joined["size"].iloc[0]) % len(PALETTE)]
            label = joined["size"].iloc[0]
            panel.plot(joined["base_loss"], joined["after"], "-", color=colour, label=label)
            area = [14 + 16 * place for place in range(len(joined))]
            panel.scatter(joined["base_loss"], joined["after"], s=area, color=colour, zorder=3)
        panel.set_title(f"fine-tuned on {domain}")
        panel.set_xlabel("ID loss before, bits per byte")
    panels[0].set_ylabel("loss after fine-tuning, bits per byte")
    by_label: dict[str, Artist] = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        by_label |= {str(label): line for label, line in zip(labels, handles, strict=True)}
    if by_label:
        figure.legend(list(by_label.values()), list(by_label), loc="outside upper center", ncols=6)
    return figure
