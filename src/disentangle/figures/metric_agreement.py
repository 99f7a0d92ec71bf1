"""Agreement of the metrics: pairwise Spearman correlations, ordered by cluster."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from disentangle.figures.style import INK
from disentangle.vocabulary.metrics import metric_label


def clusters(agreement: pd.DataFrame) -> pd.Series:
    """Cluster of each metric, metrics of a cluster together and constant ones last."""
    pairs = [
        agreement[[f"metric_{side}", f"cluster_{side}"]].set_axis(["metric", "cluster"], axis=1)
        for side in "ab"
    ]
    found = pd.concat(pairs).drop_duplicates().set_index("metric")["cluster"]
    return found.sort_values(key=lambda cluster: cluster.where(cluster > 0, np.inf), kind="stable")


def metric_agreement(agreement: pd.DataFrame) -> Figure:
    """Draw the correlation matrix of the metrics, with a frame around each cluster.

    A metric that is the same for all models has no rank correlation; its cells stay empty.
    """
    if agreement.empty:
        figure = Figure(figsize=(4, 0.6))
        figure.text(0, 0.5, "fewer than two metrics or fewer than three models")
        return figure
    cluster = clusters(agreement)
    metrics = list(cluster.index)
    place = {metric: i for i, metric in enumerate(metrics)}
    correlation = np.where(np.eye(len(metrics)) * (cluster.to_numpy() > 0), 1.0, np.nan)
    for a, b, rho in agreement[["metric_a", "metric_b", "rho"]].itertuples(index=False):
        correlation[place[a], place[b]] = correlation[place[b], place[a]] = rho
    labels = [metric_label(metric) for metric in metrics]
    side = 0.3 * len(metrics) + 2.6
    figure = Figure(figsize=(side + 0.9, side))
    panel = figure.subplots()
    image = panel.imshow(correlation, cmap="RdBu", vmin=-1, vmax=1)
    for i, row in enumerate(correlation):
        for j, value in enumerate(row[: i + 1]):  # the number of each pair once
            if value == value:
                text = f"{value:.1f}".replace("0.", ".").replace("-.0", ".0")
                ink = "white" if abs(value) > 0.7 else "#333333"
                panel.text(j, i, text, ha="center", va="center", fontsize=6, color=ink)
    for number in range(1, cluster.max() + 1):
        (inside,) = np.nonzero(cluster.to_numpy() == number)
        corner, width = inside[0] - 0.5, len(inside)
        frame = Rectangle((corner, corner), width, width, fill=False, edgecolor=INK, linewidth=1.3)
        panel.add_patch(frame)
    panel.set_xticks(range(len(metrics)), labels, rotation=90)
    panel.set_yticks(range(len(metrics)), labels)
    panel.grid(False)
    panel.spines[:].set_visible(False)
    figure.colorbar(image, ax=panel, shrink=0.5, label="Spearman correlation")
    return figure
