"""Write the tables of docs/calibration.md from the calibration tables of several studies.

    python -m disentangle.calibration.document results/*/tables/calibration.parquet

The name of a study is that of its folder.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from disentangle.calibration.calibrate import ESTIMATORS
from disentangle.calibration.processes import PROCESSES
from disentangle.tables.files import read_tables

Cell = Callable[[pd.DataFrame], str]
"""The text of a cell for one design, estimator and process, from its rows."""


def _percent(value: float) -> str:
    return "–" if value != value else f"{100 * value:.1f}"


def _false_positives(rows: pd.DataFrame) -> str:
    row = rows.loc[0.0].to_dict()
    share = row["answered"] / row["studies"]
    partly = f" (of {100 * share:.0f} %)" if 0 < share < 0.95 else ""
    return _percent(row["found"]) + partly


def _both(column: str) -> Cell:
    return lambda rows: " / ".join(_percent(value) for value in rows[column])


def _table(designs: dict[str, pd.DataFrame], said: Cell, estimators: list[str]) -> str:
    lines = [
        f"| design (n) | estimator | {' | '.join(PROCESSES)} |",
        "|---|---|" + "---|" * len(PROCESSES),
    ]
    for name, table in designs.items():
        for estimator in estimators:
            rows = table[table["estimator"] == estimator].set_index("planted_rho").sort_index()
            cells = [said(rows[rows["process"] == process]) for process in PROCESSES]
            label = f"{name} ({rows['n'].iloc[0]})"
            lines.append(f"| {label} | {estimator} | {' | '.join(cells)} |")
    return "\n".join(lines)


def calibration_document(designs: dict[str, pd.DataFrame]) -> str:
    """Markdown tables of false positives, power and coverage.

    Args:
        designs: study to its calibration table.
    """
    every = [estimator.name for estimator in ESTIMATORS]
    any_table = next(iter(designs.values()))
    with_intervals = pd.concat(designs.values()).groupby("estimator")["intervals"].max()
    covering = [name for name in every if with_intervals[name] > 0]
    planted = sorted(any_table["planted_rho"].unique())
    return "\n\n".join(
        [
            "False positives in percent at the nominal 5 %; in brackets the share of studies in "
            "which the estimator gave a result, unless it is all:",
            _table(designs, _false_positives, every),
            f"Power in percent for a planted ρ = {planted[-1]:g}:",
            _table(designs, lambda rows: _percent(rows["found"].iloc[-1]), every),
            f"Coverage of 95 % intervals in percent, no association / ρ = {planted[-1]:g}:",
            _table(designs, _both("coverage"), covering),
        ]
    )


if __name__ == "__main__":
    paths = map(Path, sys.argv[1:])
    print(calibration_document({path.parts[-3]: read_tables([path]) for path in paths}))
