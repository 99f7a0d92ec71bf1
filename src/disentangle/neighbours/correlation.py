"""Spearman's rho of two columns given others, with its interval over families of runs."""

import numpy as np
import pandas as pd

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import families
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import rank_correlation

LEAST_CHANGE = 1e-9
"""Values that differ by less between runs are constant."""


def correlation(rows: pd.DataFrame, *columns: str, resamples: int, seed: int) -> Estimate:
    """See `rank_correlation`; unknown for too few rows and for a constant or determined column.

    Args:
        rows: with the columns of the design besides; rows with an unknown value are left out.
        columns: the two, and those that are given.
        resamples: of the bootstrap.
        seed: of the resampling.
    """
    known = rows.dropna(subset=list(columns))
    if len(known) <= len(columns) + 1:
        return Estimate.unknown(f"{len(known)} rows", len(known))
    values = known[list(columns)].to_numpy(np.float64)
    if np.ptp(values[:, :2], axis=0).min() < LEAST_CHANGE:
        return Estimate.unknown("a column is constant", len(known))

    def rho(weights: Floats) -> Floats:
        return rank_correlation(values, weights)

    if np.isnan(rho(np.ones((1, len(known))))[0]):
        return Estimate.unknown("determined by the other columns", len(known))
    return bootstrap_estimate(rho, families(known), resamples=resamples, seed=seed)
