"""What each metric of the geometry says about an outcome: one verdict per metric.

The ledger judges the paper's findings, which are about the rank of W. Here every metric is judged
by one rule, from its row of associations:

- beyond training: it is associated with the outcome given how the models were trained. The q of its
  residual rho (Benjamini and Hochberg 1995, over the outcome's metrics) is below `LEVEL`. If most
  models have a repeat with another seed, so is that of rho within cells, with the same sign.
- training only: it is associated with the outcome, and given training nothing of size is left. The
  interval of raw rho excludes 0, and that of residual rho lies within +-`SMALL`.
- no association: the interval of raw rho lies within +-`MATTERS`, that of residual rho within
  +-`SMALL`.
- undecided: everything else. There are too few runs to tell.

The second test of "beyond training" was added after a study and its repeat with other seeds. By the
residual rho alone 5 of 104 metrics were beyond training in the one and 46 in the other. It assumes
how effects of training change with size, and rho within cells assumes nothing about them.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd

from disentangle.claims.ledger import MATTERS, SMALL

MetricVerdict = Literal["beyond training", "training only", "no association", "undecided"]

VERDICTS: tuple[MetricVerdict, ...] = (
    "beyond training",
    "training only",
    "no association",
    "undecided",
)
"""In the order in which a reader wants them."""

LEVEL = 0.05
"""False discovery rate among the metrics of one outcome."""


def metric_verdict(row: "pd.Series[Any]") -> MetricVerdict:
    """Judge one row of the associations table; a missing interval decides nothing."""
    if row["residual_q"] < LEVEL:
        return "beyond training" if _holds_within_cells(row) else "undecided"
    nothing_left = row["residual_low"] >= -SMALL and row["residual_high"] <= SMALL
    if nothing_left and (row["rho_low"] > 0 or row["rho_high"] < 0):
        return "training only"
    if nothing_left and row["rho_low"] >= -MATTERS and row["rho_high"] <= MATTERS:
        return "no association"
    return "undecided"


def _holds_within_cells(row: "pd.Series[Any]") -> bool:
    """Whether rho within cells agrees; true if it cannot be tested, or on few of the models."""
    if not np.isfinite(row["within_q"]) or row["within_n"] <= row["n"] / 2:
        return True
    same_sign = bool(row["within_rho"] * row["residual_rho"] > 0)
    return bool(row["within_q"] < LEVEL) and same_sign


def with_verdicts(associations: pd.DataFrame) -> pd.DataFrame:
    """The associations with a column `verdict`."""
    return associations.assign(verdict=[metric_verdict(row) for _, row in associations.iterrows()])
