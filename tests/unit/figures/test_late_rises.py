"""Every run is a dot in the row of its departure, with its verdict's colour."""

from typing import Any

import pandas as pd

from disentangle.figures.late_rises import VERDICTS, late_rises
from disentangle.study import expand, read_config


def test_each_run_is_a_dot_in_its_row(sample_config: dict[str, Any]) -> None:
    runs = {run.name: run for run in expand(read_config(sample_config))}
    verdicts = [list(VERDICTS)[i % 3] for i in range(len(runs))]
    rows = [
        {
            "run": name,
            "outcome": outcome,
            "degradation": i / 10,
            "degradation_low": i / 10 - 0.01,
            "degradation_high": i / 10 + 0.01,
            "rank_fall": i / 100,
            "verdict": verdicts[i],
        }
        for i, name in enumerate(runs)
        for outcome in ("id_bits_per_byte", "ood_bits_per_byte")
    ]
    elsewhere = rows[0] | {"run": "of others", "degradation": 9.0}
    rise, fall = late_rises(runs, pd.DataFrame([*rows, elsewhere])).axes
    for panel, unit in ((rise, 10), (fall, 1)):
        drawn = {
            round(x * unit): (round(y), line.get_color())
            for line in panel.lines
            for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
            if len(line.get_xdata()) != 2 or line.get_linestyle() == "None"
        }
        assert sorted(drawn) == list(range(len(runs)))
        assert [drawn[i][1] for i in sorted(drawn)] == [VERDICTS[verdict] for verdict in verdicts]
        labels = [label.get_text() for label in rise.get_yticklabels()]
        assert labels[0] == "base"
        by_configuration: dict[str, set[int]] = {}
        for i, run in enumerate(runs.values()):
            by_configuration.setdefault(run.configuration, set()).add(drawn[i][0])
        assert all(len(places) == 1 for places in by_configuration.values())
        assert len(set().union(*by_configuration.values())) == len(by_configuration)
    legend = [text.get_text() for text in rise.figure.legends[0].get_texts()]
    assert legend[0] == f"saturated ({verdicts.count('saturated')})"


def test_a_study_without_verdicts_is_drawn(sample_config: dict[str, Any]) -> None:
    runs = {run.name: run for run in expand(read_config(sample_config))}
    columns = ["run", "outcome", "degradation", "degradation_low", "degradation_high"]
    empty = pd.DataFrame(columns=[*columns, "rank_fall", "verdict"])
    assert len(late_rises(runs, empty).axes) == 2
