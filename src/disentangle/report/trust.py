"""How far this design's intervals can be trusted, in a sentence, from its calibration."""

import pandas as pd

from disentangle.report.numbers import spread

INTERVALS = {
    "raw": "raw ρ",
    "partial": "partial ρ",
    "residual": "residual ρ",
    "within": "within-cell ρ",
}
"""Estimators whose intervals are simulated, as the page calls them."""


def covered(calibration: pd.DataFrame, estimator: str) -> str:
    """Of 100 simulated studies, in how many the interval held the truth: '51 to 91' over
    data-generating processes and planted effects; empty if that was not simulated."""
    if calibration.empty:
        return ""
    shares = 100 * calibration.loc[calibration["estimator"] == estimator, "coverage"].dropna()
    return spread(shares.min(), shares.max()) if len(shares) else ""


def raw_interval(calibration: pd.DataFrame) -> str:
    """What a 95 % interval of raw rho is worth; empty if that was not simulated."""
    if not (share := covered(calibration, "raw")):
        return ""
    return (
        "Its interval is one of these models as they are, not of what geometry adds: in simulated "
        f"studies of this design such intervals held the association given training {share} times "
        "of 100, not 95."
    )


def all_intervals(calibration: pd.DataFrame) -> str:
    """The same of every estimator with an interval, for the tables that print them."""
    shares = {name: covered(calibration, key) for key, name in INTERVALS.items()}
    said = ", ".join(f"of {name} {share}" for name, share in shares.items() if share)
    if not said:
        return ""
    return (
        "In simulated studies of this design 95 % intervals held the association given training, "
        f"of 100 times: {said}."
    )
