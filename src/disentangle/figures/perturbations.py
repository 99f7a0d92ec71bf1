"""Change of loss by each perturbation, against the rank before it."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE, variant_label
from disentangle.study.perturbation import finetuned, variants
from disentangle.study.sections.perturbation import Perturbation
from disentangle.vocabulary.scores import BITS_PER_BYTE, CHANGE

RANK = "W_effective_rank_pct"


def panels_of(perturbation: Perturbation) -> list[tuple[str, str]]:
    """Variant and held-out domain of each panel; fine-tuning also has its target's domain."""
    domains = {
        finetuned(target): settings.domain for target, settings in perturbation.finetune.items()
    }
    shown = []
    for variant in variants(perturbation):
        if variant in domains:
            shown.append((variant, domains[variant]))
        shown.append((variant, "id"))
    return shown


def perturbations(observations: pd.DataFrame, perturbation: Perturbation) -> Figure:
    """Draw a panel per variant and domain, with a point per model, coloured by size."""
    panels = panels_of(perturbation)
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.3 * columns + 0.4, 2.9 * rows + 0.3))
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True)
    by_size = observations.sort_values("params_non_embedding")
    sizes = list(dict.fromkeys(by_size["size"]))
    for axis, (variant, domain) in zip(axes.flat, panels, strict=False):
        points = by_size[by_size["variant"] == variant]
        for i, size in enumerate(sizes):
            group = points[points["size"] == size]
            change = group.get(BITS_PER_BYTE.of(domain) + CHANGE, pd.Series(dtype=float))
            axis.scatter(
                group.loc[change.index, RANK],
                change,
                s=30,
                color=PALETTE[i % len(PALETTE)],
                edgecolor="white",
                linewidth=0.6,
                label=size,
            )
        axis.axhline(0, color="#555555", linewidth=0.9)
        axis.set_title(f"{variant_label(variant)}: {domain}")
    for i in range(len(panels), rows * columns):
        axes.flat[i].set_axis_off()
        axes.flat[i - columns].tick_params(labelbottom=True)  # no panel below has labels
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(8, len(sizes)))
    figure.supxlabel("effective rank of W before the change, % of d", fontsize=9)
    figure.supylabel("change of loss, bits per byte", fontsize=9)
    return figure
