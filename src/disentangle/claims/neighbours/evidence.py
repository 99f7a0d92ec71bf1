"""The evidence for neighbouring findings: the tables that were made for them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from disentangle.neighbours.correlation import correlation
from disentangle.statistics.estimate import Estimate


@dataclass(frozen=True)
class Findings:
    """Tables by name, with methods to estimate from them."""

    tables: Mapping[str, pd.DataFrame]
    resamples: int
    seed: int

    def correlation(self, rows: pd.DataFrame, *columns: str) -> Estimate:
        """Spearman's rho of the first two columns, given the others; see `correlation`."""
        return correlation(rows, *columns, resamples=self.resamples, seed=self.seed)
