"""Findings of neighbouring papers on the same kind of models, each with the rule that decides it.

The rules were written down before any study was judged by them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from disentangle.claims.claim import Claim, Part
from disentangle.claims.rule import above
from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.convergence import WEIGHTS
from disentangle.statistics.design import families
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import rank_correlation

TENDING = "Diehl Martinez et al. 2024 (arXiv 2410.11451)"

CONVERGED = 0.9
"""A layer has converged if its debiased CKA with its final state is at least this."""


@dataclass(frozen=True)
class ConvergenceEvidence:
    """What these findings are judged from."""

    convergence: pd.DataFrame
    resamples: int
    seed: int

    def correlation(self, rows: pd.DataFrame, *columns: str) -> Estimate:
        """Spearman's rho of the first two columns, given the others, over families of runs."""
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


def _sooner_in_larger(evidence: ConvergenceEvidence) -> Iterator[Part]:
    if evidence.convergence.empty:
        return
    rows = evidence.convergence.dropna(subset=["cka"])
    converged = (rows["cka"] >= CONVERGED).groupby(rows["run"]).mean()
    runs = rows.drop_duplicates("run").assign(converged=lambda r: r["run"].map(converged))
    found = evidence.correlation(runs, "params_non_embedding", "converged")
    rule = above("ρ of size and share of converged layers", 0)
    yield Part("share of layers with CKA ≥ 0.9", found, rule, "convergence", "cka == cka")
    mean = rows["cka"].groupby(rows["run"]).mean()
    means = runs.assign(mean=runs["run"].map(mean))
    found = evidence.correlation(means, "params_non_embedding", "mean")
    rule = above("ρ of size and mean CKA", 0)
    yield Part("mean CKA", found, rule, "convergence", "cka == cka", decides=False)


def _rank_goes_with_convergence(evidence: ConvergenceEvidence) -> Iterator[Part]:
    for what, column in (("weights", "weights_per"), ("gradients", "gradient_per")):
        for part, matrix in WEIGHTS.items():
            rows = evidence.convergence
            rows = rows[(rows["part"] == part) & rows[column].notna()] if len(rows) else rows
            if rows.empty:
                continue
            query = f"part == '{part}' and {column} == {column}"
            found = evidence.correlation(rows, column, "cka")
            rule = above("ρ of PER and CKA", 0)
            yield Part(f"{matrix}: {what}", found, rule, "convergence", query)
            given = evidence.correlation(rows, column, "cka", "params_non_embedding")
            rule = above("partial ρ given size", 0)
            name = f"{matrix}: {what}, given size"
            yield Part(name, given, rule, "convergence", query, decides=False)


NEIGHBOURING_CLAIMS = (
    Claim(
        1,
        "At a fifth of training, a larger share of the layers of larger models has converged.",
        _sooner_in_larger,
        TENDING,
    ),
    Claim(
        2,
        "At a fifth of training, layers whose weights and gradients have a higher proportional "
        "effective rank are nearer to their final state.",
        _rank_goes_with_convergence,
        TENDING,
    ),
)
