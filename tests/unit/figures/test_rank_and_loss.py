"""Every model is a point of the figure, and no legend hides one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from disentangle.figures.rank_and_loss import rank_and_loss
from disentangle.study import expand, read_config
from disentangle.study.external import EXTERNAL

RANK, LOSS = "W_effective_rank_pct", "id_bits_per_byte"


def observations(config: dict[str, Any], elsewhere: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [run.covariates() | {"run": run.name} for run in expand(read_config(config))]
    unknown = dict.fromkeys(rows[0])
    rows += [
        unknown | {"run": f"m{i}", "size": f"m{i}", "configuration": EXTERNAL}
        for i in range(elsewhere)
    ]
    table = pd.DataFrame(rows).assign(final=True, variant="base")
    n = len(table)
    return table.assign(**{RANK: rng.uniform(50, 100, n), LOSS: rng.uniform(2, 4, n)})


def drawn(figure) -> list[list[tuple[float, float]]]:
    """The points of each panel."""
    panels = [panel for panel in figure.axes if panel.collections]
    return [
        sorted(tuple(point) for group in panel.collections for point in group.get_offsets())
        for panel in panels
    ]


@pytest.mark.parametrize("elsewhere", [0, 1, 9])
def test_every_model_is_a_point_of_every_panel(
    sample_config: dict[str, Any], elsewhere: int
) -> None:
    table = observations(sample_config, elsewhere)
    figure = rank_and_loss(table)
    for points in drawn(figure):
        assert len(points) == 18 + elsewhere
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    named = {0: [], 1: ["m0"], 9: ["external"]}[elsewhere]
    assert labels[2:] == named, "after the two sizes"


def test_a_study_of_others_only_is_drawn(sample_config: dict[str, Any]) -> None:
    table = observations(sample_config, 5).query("configuration == @EXTERNAL")
    (points,) = drawn(rank_and_loss(table.reset_index(drop=True)))
    assert len(points) == 5


def test_a_table_of_tasks_alone_is_drawn(sample_config: dict[str, Any]) -> None:
    table = observations(sample_config, 0).rename(columns={LOSS: "piqa_acc"})
    figure = rank_and_loss(table, ["piqa_acc"])
    assert all(len(points) == 18 for points in drawn(figure))
    assert figure.get_supylabel() == "piqa acc"


def test_no_legend_hides_a_point(sample_config: dict[str, Any]) -> None:
    figure = rank_and_loss(observations(sample_config, 2))
    FigureCanvasAgg(figure).draw()
    for panel in figure.axes:
        if panel.get_legend():
            legend = panel.get_legend().get_window_extent()
            for other in figure.axes:
                assert not legend.overlaps(other.get_window_extent()) or not other.collections
            assert legend.x1 <= figure.bbox.x1 + 1
