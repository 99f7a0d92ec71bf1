"""Which of several designs finds an association that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from disentangle.calibration.calibrate import calibrate

COMPARED = ("residual", "within")
"""The estimators that keep their level in some world where training drives both."""


def compare_designs(
    designs: Mapping[str, pd.DataFrame],
    *,
    effects: Sequence[float],
    noise: float,
    studies: int,
    seed: int,
    worlds: Sequence[str] = ("interacting", "size_dependent"),
) -> pd.DataFrame:
    """False positives and power of the residual and the within-cell test on each design.

    Rows of the calibration table with a column `design`, without intervals. Power says something
    only where the false positives of the same design, world and estimator are near 5 %.
    """
    tables = []
    for name, design in designs.items():
        rows = calibrate(
            design,
            effects=effects,
            noise=noise,
            studies=studies,
            with_intervals=0,
            resamples=1,
            seed=seed,
            worlds=worlds,
        )
        tables.append(pd.DataFrame(rows).query("estimator in @COMPARED").assign(design=name))
    return pd.concat(tables, ignore_index=True)
