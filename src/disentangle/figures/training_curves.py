"""Training loss over tokens: one panel per size, one style per configuration."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from disentangle.figures.style import PALETTE
from disentangle.study.run import Run, late_name
from disentangle.study.sections.design import Late
from disentangle.study.token_counts import spell_count

LINES = ["-", (0, (4, 1.5)), (0, (1, 1))]


def departures(runs: dict[str, Run]) -> dict[str, str]:
    """How each configuration differs from the base: 'batch 64', 'wd 0.5'.

    The base is the configuration of the first run; `expand` puts it first.
    """
    names = {
        "tokens": "tokens",
        "batch_size": "batch",
        "weight_decay": "wd",
        "learning_rate": "lr ×",
        "final_lr": "final lr",
        "beta2": "β2",
        "head_decay": "head's wd ×",
        "text_tokens": "text",
        "token_noise": "noise",
        "late": "late",
    }
    if not runs:
        return {}
    base = next(iter(runs.values())).hyperparameters
    found = {}
    for run in runs.values():
        differing = [
            f"{label} {_spell(key, getattr(run.hyperparameters, key))}"
            for key, label in names.items()
            if getattr(run.hyperparameters, key) != getattr(base, key)
        ]
        found[run.configuration] = ", ".join(differing) or "base"
    return found


def _spell(key: str, value: Any) -> str:
    if value is None:
        return "as usual"
    if isinstance(value, Late):
        return late_name(value)
    return spell_count(int(value)) if key in ("tokens", "text_tokens") else f"{value:g}"


def size_panels(
    runs: dict[str, Run], height: float, share_y: bool
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with one panel per model size, in the study's order."""
    sizes = list(dict.fromkeys(run.size.name for run in runs.values()))
    columns = min(len(sizes), 3)
    rows = -(-len(sizes) // columns)
    figure = Figure(figsize=(4.2 * columns + 0.6, height * rows + 0.6))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=share_y, sharex=True)
    for spare in panels.flat[len(sizes) :]:
        spare.set_axis_off()
    by_size = dict(zip(sizes, panels.flat, strict=False))
    for size, panel in by_size.items():
        panel.set_title(f"{size} parameters without embeddings")
    return figure, by_size


def looks(runs: dict[str, Run]) -> dict[str, dict[str, Any]]:
    """A colour and a line style per configuration; colours repeat with dashed lines."""
    names = dict.fromkeys(run.configuration for run in runs.values())
    return {
        name: {
            "color": PALETTE[i % len(PALETTE)],
            "linestyle": LINES[i // len(PALETTE) % len(LINES)],
        }
        for i, name in enumerate(names)
    }


def configuration_legend(figure: Figure, runs: dict[str, Run]) -> None:
    """One legend under all panels."""
    look, labels = looks(runs), departures(runs)
    handles = [figure.axes[0].plot([], [], label=labels[name], **look[name])[0] for name in look]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))


def training_curves(runs: dict[str, Run], training: pd.DataFrame) -> Figure:
    """Draw the training loss of every run.

    Args:
        runs: the study's runs by name.
        training: the training tables of all runs.
    """
    figure, panels = size_panels(runs, 2.9, share_y=True)
    look = looks(runs)
    for name, log in training.groupby("run", sort=False):
        run = runs[str(name)]
        # a light running mean, so that many curves stay distinguishable
        smooth = log["loss"].ewm(halflife=max(1, len(log) / 60)).mean()
        panels[run.size.name].plot(
            log["tokens"], smooth, alpha=0.9, linewidth=1.1, **look[run.configuration]
        )
    for panel in panels.values():
        panel.set_xscale("log")
        panel.set_xlabel("training tokens")
    figure.axes[0].set_ylabel("training loss, nats per token")
    configuration_legend(figure, runs)
    return figure
