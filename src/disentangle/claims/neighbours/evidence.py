"""The evidence for neighbouring findings: the tables that were made for them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import families
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import rank_correlation


@dataclass(frozen=True)
class Findings:
    """Tables by name, with methods to estimate from them."""

    tables: Mapping[str, pd.DataFrame]
    resamples: int
    seed: int

    def correlation(self, rows: pd.DataFrame, *columns: str) -> Estimate:
        """Spearman's rho of the first two columns, given the others, over families of runs.

        Args:
            rows: with the columns of the design besides; rows with an unknown value are left out.
            columns: two or more.
        """
        known = rows.dropna(subset=list(columns))
        if len(known) < 3:
            return Estimate.unknown(f"{len(known)} rows", len(known))
        values = known[list(columns)].to_numpy(np.float64)

        def rho(weights: Floats) -> Floats:
            return rank_correlation(values, weights)

        if np.isnan(rho(np.ones((1, len(known))))[0]):
            return Estimate.unknown("a column is constant", len(known))
        clusters = families(known)
        return bootstrap_estimate(rho, clusters, resamples=self.resamples, seed=self.seed)
