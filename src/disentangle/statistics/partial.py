"""The paper's estimator: rank everything, then hold the ranked hyperparameters fixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from disentangle.statistics.bootstrap import bootstrap_estimate
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.ranks import (
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

    All columns are replaced by their ranks; the coefficient is the correlation of what remains of
    the ranks of x and of y after linear regression on the ranks of the covariates (Kendall 1942),
    with k the linearly independent covariates among them, p by t with n - 2 - k degrees of freedom.
    Equal to `pingouin.partial_corr(method="spearman")` where no covariate is redundant.

    Assumes that every effect of a hyperparameter is additive and linear *in ranks*. Where it is
    not (curved or U-shaped effects, effects that change with size), confounding remains, and the
    test calls nulls significant far more often than its nominal level: it is given for comparison
    with the paper. `residual_spearman` is the estimator to go by. Values are finite.
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
        return Estimate.unknown(f"{n} rows leave no degree of freedom", n, df)
    rho = float(rank_correlation(values, everything)[0])
    if np.isnan(rho):
        return Estimate.unknown("constant, or fixed by the controls", n, df)
    found = bootstrap_estimate(
        lambda weights: rank_correlation(values, weights), clusters, resamples=resamples, seed=seed
    )
    return replace(found, p=t_test(rho, df), df=df)
