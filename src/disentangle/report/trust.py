"""A sentence on the coverage of this design's intervals, from its calibration."""

import pandas as pd

from disentangle.report.numbers import spread

INTERVALS = {
    "raw": "raw ρ",
    "partial": "partial ρ",
    "residual": "residual ρ",
    "within": "within-cell ρ",
}
"""Estimators with simulated intervals, and their names on the page."""


def covered(calibration: pd.DataFrame, estimator: str) -> str:
    """Coverage of an estimator's intervals in percent, as a range over data-generating processes
    and planted effects: '51 to 91'; empty if that was not simulated."""
    if calibration.empty:
        return ""
    shares = 100 * calibration.loc[calibration["estimator"] == estimator, "coverage"].dropna()
    return spread(shares.min(), shares.max()) if len(shares) else ""


def raw_interval(calibration: pd.DataFrame) -> str:
    """A sentence on the coverage of raw rho's 95 % interval; empty if not simulated."""
    if not (share := covered(calibration, "raw")):
        return ""
    return (
        "This interval describes these models without controls, not what geometry adds: in "
        "simulated studies of this design, such intervals contained the association given training "
        f"in {share} % of studies, not 95 %."
    )


def all_intervals(calibration: pd.DataFrame) -> str:
    """A sentence on the coverage of all estimators with an interval, for tables of them."""
    shares = {name: covered(calibration, key) for key, name in INTERVALS.items()}
    said = ", ".join(f"{name} {share} %" for name, share in shares.items() if share)
    if not said:
        return ""
    return (
        "In simulated studies of this design, 95 % intervals contained the association given "
        f"training this often: {said}."
    )
