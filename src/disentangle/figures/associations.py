"""Forest plot of raw and controlled associations with loss."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.checkpoint.references import BASE
from disentangle.figures.style import PALETTE
from disentangle.tables.headline import headline_metrics, loss_domains
from disentangle.tables.select import chief_outcome
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label

ESTIMATORS = {
    "raw": ("rho", "rho_low", "rho_high"),
    "partial (the paper's)": ("partial_rho", "partial_low", "partial_high"),
    "residualised on the design": ("residual_rho", "residual_low", "residual_high"),
}


def associations_figure(associations: pd.DataFrame) -> Figure:
    """Draw the association of each metric of W and H (id) with in-distribution loss, by estimator.

    If the study names other outcomes, the first of them is drawn.
    """
    associations = associations[associations["variant"] == BASE]
    outcome = chief_outcome(list(associations["outcome"].unique()))
    domains = loss_domains(associations["outcome"].unique())
    shown = headline_metrics(associations["metric"].unique(), domains)
    rows = associations[
        (associations["outcome"] == outcome) & associations["metric"].isin(shown)
    ].reset_index(drop=True)
    figure = Figure(figsize=(7.6, 0.34 * len(rows) + 1.3))
    panel = figure.subplots()
    for i, (name, (value, low, high)) in enumerate(ESTIMATORS.items()):
        height = rows.index + (i - 1) * 0.24
        panel.hlines(height, rows[low], rows[high], color=PALETTE[i], linewidth=1.3)
        panel.plot(rows[value], height, "o", color=PALETTE[i], markersize=4, label=name)
    panel.axvline(0, color="#555555", linewidth=0.9)
    panel.set_yticks(rows.index, [metric_label(metric) for metric in rows["metric"]])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlim(-1.02, 1.02)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel(f"correlation with {outcome_label(outcome)} (95 % interval)")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
