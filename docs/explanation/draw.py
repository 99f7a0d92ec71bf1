"""Draw the pictures of confounding.md: `python docs/explanation/draw.py`.

The tables are made up, by `tests/unit/observations/a_suite.py`, so what is true of them is known.
"""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from disentangle.observations import adopt
from disentangle.statistics.design import design_matrix
from disentangle.statistics.residual import residuals
from disentangle.study.sections.observations import Reading
from disentangle.tables.comparable import final_runs

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
READING = Reading.model_validate(
    {
        "columns": {
            "run": "model",
            "size": "scale",
            "params_non_embedding": {"column": "params (M)", "times": 1e6},
            "tokens_budget": {"column": "tokens (B)", "times": 1e9},
            "weight_decay": "wd",
            "batch_size": "batch",
            "W_effective_rank_pct": {"column": "erank", "times": 100},
            "id_bits_per_byte": "pile",
        },
        "fixed": {"final_lr": 0.1, "learning_rate": None},
    }
)
TABLES = {
    "suite": "Rank does nothing",
    "suite_with_effect": "Rank goes with loss",
}
PAIR = ["W_effective_rank_pct", "id_bits_per_byte"]
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "disentangle",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}


def spearman(pair: pd.DataFrame) -> float:
    """Rank correlation of two columns."""
    return float(pair.iloc[:, 0].corr(pair.iloc[:, 1], method="spearman"))


def left(observations: pd.DataFrame) -> pd.DataFrame:
    """What the training choices leave of rank and loss, in standard deviations."""
    values = residuals(observations[PAIR].to_numpy(float), design_matrix(observations))
    assert values is not None
    return pd.DataFrame(values, columns=PAIR)


def causes() -> Figure:
    """Who may cause whom: two pictures of the same correlation."""
    figure, panels = plt.subplots(1, 2, figsize=(7, 2.2))
    for axes, name in zip(panels, TABLES, strict=True):
        axes.set_title(TABLES[name], fontsize=10)
        places = {"training choices": (0.5, 0.85), "rank of W": (0.12, 0.15), "loss": (0.88, 0.15)}
        for thing, place in places.items():
            axes.text(*place, thing, ha="center", va="center")
        arrows = [("training choices", "rank of W"), ("training choices", "loss")]
        if name == "suite_with_effect":
            arrows.append(("rank of W", "loss"))
        for one, other in arrows:
            ends = np.array([places[one], places[other]])
            inner = ends + (0.18 if one != "rank of W" else 0.25) * (ends[::-1] - ends)
            axes.add_patch(FancyArrowPatch(*inner, arrowstyle="->", mutation_scale=14))
        axes.set(xlim=(-0.1, 1.1), ylim=(0, 1))
        axes.axis("off")
    return figure


def scatter(axes: Axes, pair: pd.DataFrame, sizes: pd.Series, title: str) -> None:
    """Points coloured by size, with the rank correlation."""
    for place, size in enumerate(("14M", "31M", "70M", "160M")):
        x, y = pair[(sizes == size).to_numpy()].to_numpy().T
        axes.scatter(x, y, s=14, color=plt.get_cmap("viridis")(place / 3.5), label=size)
    axes.set_title(f"{title}\nρ = {spearman(pair):+.2f}", fontsize=10)


def before_and_after() -> tuple[Figure, Figure]:
    """Rank against loss in two tables: as they are, and given the training choices."""
    raw, rest = (plt.subplots(1, 2, figsize=(7, 3.2)) for _ in range(2))
    for place, (name, title) in enumerate(TABLES.items()):
        observations = final_runs(adopt(pd.read_csv(EXAMPLES / f"{name}.csv"), READING), "base")
        scatter(raw[1][place], observations[PAIR], observations["size"], title)
        scatter(rest[1][place], left(observations), observations["size"], title)
    for (figure, panels), of in ((raw, "{}"), (rest, "what is left of the {}")):
        for axes in panels:
            axes.set_xlabel(of.format("effective rank of W"))
        panels[0].set_ylabel(of.format("loss"))
        panels[1].legend(title="size", fontsize=8, title_fontsize=8, frameon=False)
        figure.tight_layout()
    return raw[0], rest[0]


def main() -> None:
    with plt.rc_context(STYLE):
        raw, rest = before_and_after()
        for name, figure in {"causes": causes(), "raw": raw, "given_choices": rest}.items():
            figure.savefig(HERE / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
