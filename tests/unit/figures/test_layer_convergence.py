"""Layers are drawn as medians over the runs of a size, without the end itself."""

from typing import Any

import pandas as pd
import pytest

from disentangle.figures.layer_convergence import layer_convergence
from disentangle.study import expand, read_config


def test_lines_are_medians_over_runs(sample_config: dict[str, Any]) -> None:
    runs = {run.name: run for run in expand(read_config(sample_config))}
    rows = [
        {
            "run": name,
            "step": step,
            "domain": "id",
            "layer": layer,
            "part": "stream",
            "cka_to_last": value,
        }
        for i, (name, run) in enumerate(runs.items())
        for layer in range(run.size.n_layers + 1)
        for step, value in zip(run.checkpoints, [0.1 + i / 100, 0.2, 0.4, 0.8, 1.0], strict=True)
    ]
    figure = layer_convergence(runs, pd.DataFrame(rows))
    first, second = figure.axes
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["33K", "131K"]
    assert len(first.lines) == len(second.lines) == 3
    line = first.lines[0].get_ydata()
    # runs 0 to 8 are of the first size: their median is the fifth's
    assert list(line) == pytest.approx([0.14, 0.2, 0.4, 0.8])
