"""The paper's estimator: partial rank correlation given the hyperparameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from disentangle.statistics.bootstrap import bootstrap_estimate
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import (
    rank_correlation,
    t_test,
    weighted_ranks,
)


def partial_spearman(
    x: ArrayLike,
    y: ArrayLike,
    covariates: ArrayLike,
    *,
    clusters: ArrayLike,
    resamples: int,
    seed: int,
) -> Estimate:
    """Partial Spearman correlation of x and y given the covariates (n x k).

    All columns are replaced by their ranks. The coefficient is the correlation of the residuals of
    the ranks of x and of y from linear regression on the ranks of the covariates (Kendall 1942).
    p by t with n - 2 - k degrees of freedom, where k is the number of linearly independent
    covariates. Equal to `pingouin.partial_corr(method="spearman")` if no covariate is redundant.

    Assumes that the effect of every hyperparameter is additive and linear *in ranks*. Otherwise
    (curved or U-shaped effects, effects that change with size) confounding remains, and the false
    positive rate is far above the nominal level. It is given for comparison with the paper;
    `residual_spearman` is the main estimator. Values are finite.
    """
    values = np.column_stack([x, y, covariates]).astype(np.float64)
    n = len(values)
    if n < 3:
        return Estimate.unknown(f"{n} rows", n, n - 2)
    everything = np.ones((1, n))
    ranks = weighted_ranks(values[:, 2:], everything)[0]
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    df = n - 2 - (int(np.linalg.matrix_rank(centred)) if len(centred) else 0)
    if df <= 0:
        return Estimate.unknown(f"{n} rows leave no degrees of freedom", n, df)
    rho = float(rank_correlation(values, everything)[0])
    if np.isnan(rho):
        return Estimate.unknown("constant, or determined by the controls", n, df)
    found = bootstrap_estimate(
        lambda weights: rank_correlation(values, weights), clusters, resamples=resamples, seed=seed
    )
    return replace(found, p=t_test(rho, df), df=df)
