"""Linear mixed models: the metric's slope with random intercepts of sizes or runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from disentangle.statistics.bootstrap import CONFIDENCE, Floats
from disentangle.statistics.design import column_space
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.random_intercept import (
    NoFitError,
    RandomIntercept,
    fit_random_intercept,
)
from disentangle.statistics.rank_correlation import NEGLIGIBLE

# A standard deviation of sizes below a thousandth of the residual one counts as zero.
NO_VARIANCE = 1e-6

# With fewer runs the cluster-robust variance is unreliable.
FEWEST_RUNS = 10


def _standardise(values: Floats) -> Floats:
    return (values - values.mean()) / values.std()


def mixed_effect(
    outcome: ArrayLike, metric: ArrayLike, controls: ArrayLike, sizes: ArrayLike
) -> Estimate:
    """Slope b of  z(outcome) = a + b z(metric) + c' controls + u_size + e,  u ~ N(0, tau^2).

    In standard deviations of the outcome per standard deviation of the metric. Restricted maximum
    likelihood (`random_intercept`). The controls are the training hyperparameters without size
    (`design.numeric_design`). They enter as a basis of their span, so redundant controls are
    harmless. NaN for one size, for no more rows than parameters, for a metric that the controls
    determine, and if the variance of sizes is estimated as zero (a singular fit: its standard error
    would be conditional on a boundary).

    Assumes additive linear effects of the controls that are the same at every size, so the same
    confounding remains as in `partial_spearman`. Values are finite.
    """
    y, x = np.asarray(outcome, np.float64), np.asarray(metric, np.float64)
    n = len(y)
    if len(set(np.asarray(sizes).tolist())) < 2:
        return Estimate.unknown("needs two sizes", n)
    if np.ptp(y) == 0 or np.ptp(x) == 0:
        return Estimate.unknown("constant", n)
    fixed = column_space(np.column_stack([np.ones(n), controls]))
    # scaled to the standard deviation of the standardised metric
    exog = np.column_stack([_standardise(x), fixed * np.sqrt(n)])
    if n <= exog.shape[1] + 2:
        return Estimate.unknown(f"{n} rows for {exog.shape[1] + 2} parameters", n)
    left = exog[:, 0] - fixed @ (fixed.T @ exog[:, 0])
    if left @ left < NEGLIGIBLE * n:
        return Estimate.unknown("metric determined by the controls", n)
    try:
        fit = fit_random_intercept(_standardise(y), exog, np.asarray(sizes))
    except NoFitError as error:
        return Estimate.unknown(str(error), n)
    if fit.tau2 < NO_VARIANCE * fit.sigma2 or not np.isfinite(fit.se):
        return Estimate.unknown("singular: no variance between sizes", n)
    return _slope(fit.coefficients[0], fit.se, n)


def mixed_effect_by_run(
    outcome: ArrayLike, metric: ArrayLike, tokens: ArrayLike, controls: ArrayLike, runs: ArrayLike
) -> Estimate:
    """Slope b within runs, over their checkpoints:

    z(outcome) = a + b z(metric) + g mean_run(z(metric)) + d t + e t^2 + c' controls + u_run + e,
    t = log tokens, u ~ N(0, tau^2), by restricted maximum likelihood.

    The run's mean absorbs all differences between runs (Mundlak 1978), so b is the association over
    a run's training, given a trend that all runs share. Its standard error is cluster-robust by run
    (Liang & Zeger 1986), times G / (G - 1), because deviations from the trend are autocorrelated
    between checkpoints. With few runs it is too small.

    b is not causal, and trends that differ between runs are not removed: both quantities change
    late in a run that learns late. NaN as in `mixed_effect`, for fewer than `FEWEST_RUNS` runs, and
    for runs with one checkpoint each. A zero variance between runs is allowed, because the
    cluster-robust error does not depend on it. Values are finite, tokens positive.
    """
    y, x = np.asarray(outcome, np.float64), np.asarray(metric, np.float64)
    _, run = np.unique(np.asarray(runs), return_inverse=True)
    n, count = len(y), len(np.unique(run))
    if count < FEWEST_RUNS:
        return Estimate.unknown(f"{count} runs with checkpoints (< {FEWEST_RUNS})", n)
    if n == count:
        return Estimate.unknown("one checkpoint per run", n)
    if np.ptp(y) == 0 or np.ptp(x) == 0:
        return Estimate.unknown("constant", n)
    z = _standardise(x)
    mean = (np.bincount(run, z) / np.bincount(run))[run]
    t = np.log(np.asarray(tokens, np.float64))
    t = t - t.mean()
    fixed = column_space(np.column_stack([np.ones(n), mean, t, t**2, controls]))
    exog = np.column_stack([z, fixed * np.sqrt(n)])
    if n <= exog.shape[1] + 2:
        return Estimate.unknown(f"{n} rows for {exog.shape[1] + 2} parameters", n)
    left = z - fixed @ (fixed.T @ z)
    if left @ left < NEGLIGIBLE * n:
        return Estimate.unknown("metric determined by run and tokens", n)
    try:
        fit = fit_random_intercept(_standardise(y), exog, run)
    except NoFitError as error:
        return Estimate.unknown(str(error), n)
    return _slope(fit.coefficients[0], _sandwich_se(_standardise(y), exog, run, fit), n)


def _slope(value: float, se: float, n: int) -> Estimate:
    """The slope with its interval and p by the normal distribution."""
    reach = norm.ppf((1 + CONFIDENCE) / 2) * se
    p = float(2 * norm.sf(abs(value) / se)) if se > 0 else np.nan
    return Estimate(value, value - reach, value + reach, n, p=p, se=se)


def _sandwich_se(y: Floats, exog: Floats, run: NDArray[np.intp], fit: RandomIntercept) -> float:
    """Cluster-robust standard error of the first coefficient, with runs as clusters."""
    residual = y - exog @ fit.coefficients
    p = exog.shape[1]
    bread, meat = np.zeros((p, p)), np.zeros((p, p))
    for i in range(run.max() + 1):
        X, e = exog[run == i], residual[run == i]
        # (sigma^2 I + tau^2 11')^-1 without the factor 1 / sigma^2, which cancels
        share = fit.tau2 / (fit.sigma2 + len(e) * fit.tau2)
        weighted = X - share * X.sum(axis=0)
        score = weighted.T @ e
        bread += weighted.T @ X
        meat += np.outer(score, score)
    count = run.max() + 1
    inverse = np.linalg.pinv(bread)
    return float(np.sqrt((inverse @ meat @ inverse)[0, 0] * count / (count - 1)))
