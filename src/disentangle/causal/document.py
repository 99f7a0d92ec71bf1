"""Write the tables of docs/causal-arm.md, from simulated experiments.

    python -m disentangle.causal.document

It takes three minutes on one core. With `--worlds` there are more or fewer experiments a world.
"""

from __future__ import annotations

from argparse import ArgumentParser

import pandas as pd

from disentangle.causal.calibrate import calibrate
from disentangle.causal.worlds import WORLDS


def _percent(value: float) -> str:
    return "–" if value != value else f"{100 * value:.1f}"


def _found(row: pd.Series) -> str:
    said = _percent(row["found"])
    return said if row["null"] else f"({said})"


def _covered(row: pd.Series) -> str:
    if row["coverage"] != row["coverage"]:
        return "–"
    return f"{_percent(row['coverage'])} [{row['width']:.3f}]"


def _table(rows: pd.DataFrame, cell: str) -> str:
    by_place = rows.set_index(["estimator", "world"])[cell]
    worlds = [name for name in WORLDS if name in set(rows["world"])]
    lines = [
        f"| estimator | {' | '.join(worlds)} |",
        "|---|" + "---|" * len(worlds),
    ]
    for estimator in rows["estimator"].drop_duplicates():
        cells = [by_place.get((estimator, world), "–") for world in worlds]
        if any(one != "–" for one in cells):
            lines.append(f"| {estimator} | {' | '.join(cells)} |")
    return "\n".join(lines)


def calibration_document(rows: pd.DataFrame) -> str:
    """Markdown tables of level and power, and of coverage and width.

    Args:
        rows: of the table `causal_calibration`.
    """
    shown = rows.assign(said=rows.apply(_found, axis=1), covered=rows.apply(_covered, axis=1))
    number = int(rows["worlds"].max())
    return "\n\n".join(
        [
            f"Significant at 5 % in percent of {number} simulated experiments; in brackets where "
            "the null hypothesis is false, so that it is power:",
            _table(shown, "said"),
            "Coverage of 95 % sets in percent, with their median width:",
            _table(shown, "covered"),
        ]
    )


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m disentangle.causal.document")
    parser.add_argument("--worlds", type=int, default=1000, help="simulated experiments per world")
    print(calibration_document(pd.DataFrame(calibrate(worlds=parser.parse_args().worlds))))
