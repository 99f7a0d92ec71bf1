"""Does a metric predict the outcome of held-out configurations better than scale alone?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold

from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.rank_correlation import NEGLIGIBLE

FOLDS = 5
MIN_CONFIGURATIONS = 3

EXTRAPOLATES = 0.5
"""Fraction of the outcomes' range. If a prediction is further outside, the fit breaks down."""


class NotEnoughError(ValueError):
    """The sample is too small or too uniform for cross-validation."""


@dataclass(frozen=True)
class Fold:
    """One held-out fold: R^2 of the model on it, about its own mean (NaN for a single row)."""

    fold: int
    n_train: int
    n_test: int
    r2: float


@dataclass(frozen=True)
class HeldOut:
    """A model's out-of-fold squared errors, their pooled R^2, and its folds."""

    model: str
    squared_errors: Floats
    r2: float
    folds: tuple[Fold, ...]
    beyond: float
    """Distance of the worst prediction from the range of the outcomes, as a share of the range."""


def scale_baseline(observations: pd.DataFrame) -> Floats:
    """The paper's baseline: log parameters, log compute, log tokens (rows x 3).

    Compute is 6 N D FLOPs (Kaplan et al. 2020) with N non-embedding parameters and D tokens. Its
    logarithm is the sum of the other two and a constant, so it is redundant in a linear model; it
    is kept because the paper has it.
    """
    params = observations["params_non_embedding"].to_numpy(np.float64)
    tokens = observations["tokens_budget"].to_numpy(np.float64)
    return np.column_stack([np.log(params), np.log(6 * params * tokens), np.log(tokens)])


def _predict(train: Floats, y: Floats, test: Floats) -> Floats:
    """Least-squares prediction of the test rows; scaling and coefficients are from training rows.

    The same as scikit-learn's StandardScaler and LinearRegression, also for redundant and constant
    columns, without their validation of the input, which takes a hundred times as long.
    """
    mean, sd = train.mean(axis=0), train.std(axis=0)
    sd = np.where(sd > NEGLIGIBLE * np.abs(mean), sd, np.inf)
    slope = np.linalg.lstsq((train - mean) / sd, y - y.mean(), rcond=NEGLIGIBLE)[0]
    return np.asarray(y.mean() + (test - mean) / sd @ slope)


def _r2(y: Floats, squared_errors: Floats) -> float:
    """1 - sum e^2 / sum (y - mean y)^2; NaN if y is constant."""
    total = float(np.sum((y - y.mean()) ** 2))
    return 1 - float(np.sum(squared_errors)) / total if total > 0 else float("nan")


def cross_validate(
    outcome: ArrayLike, metric: ArrayLike, baseline: ArrayLike, configurations: ArrayLike
) -> tuple[HeldOut, HeldOut]:
    """Out-of-fold errors of the baseline model and of the baseline with the metric.

    Ordinary least squares on standardised columns, with scaling and coefficients from the training
    folds alone. (The paper does not name its model; three or four columns need no penalty.) There
    are at most five folds. All sizes and seeds of a configuration are in the same fold
    (GroupKFold); otherwise a metric could identify configurations from the training folds. Raises
    NotEnoughError for fewer than three configurations, for a training fold with no more rows than
    the larger model has coefficients, and for a constant outcome. Values are finite.
    """
    y = np.asarray(outcome, dtype=np.float64)
    base = np.asarray(baseline, dtype=np.float64)
    full = np.column_stack([base, np.asarray(metric, dtype=np.float64)])
    groups = np.asarray(configurations)
    count = len(np.unique(groups))
    if count < MIN_CONFIGURATIONS:
        raise NotEnoughError(f"{count} configurations (< {MIN_CONFIGURATIONS})")
    if np.ptp(y) == 0:
        raise NotEnoughError("constant outcome")
    splits = list(GroupKFold(min(FOLDS, count)).split(full, y, groups))
    if min(len(train) for train, _ in splits) <= full.shape[1] + 1:
        raise NotEnoughError(f"{len(y)} rows are too few for cross-validation")

    def held_out(model: str, features: Floats) -> HeldOut:
        predicted = np.empty_like(y)
        folds = []
        for fold, (train, test) in enumerate(splits):
            predicted[test] = _predict(features[train], y[train], features[test])
            r2 = _r2(y[test], (y[test] - predicted[test]) ** 2)
            folds.append(Fold(fold, len(train), len(test), r2))
        errors = (y - predicted) ** 2
        beyond = max(float(np.max(predicted - y.max())), float(np.max(y.min() - predicted)), 0.0)
        return HeldOut(model, errors, _r2(y, errors), tuple(folds), beyond / float(np.ptp(y)))

    return held_out("baseline", base), held_out("baseline+metric", full)


def breakdown(base: HeldOut, full: HeldOut) -> str:
    """Why the difference of two held-out fits is meaningless; empty if it is valid.

    Either the baseline has no predictive power: its out-of-fold R^2 is not above zero, so the mean
    is a better prediction. Or a fit extrapolates: for an out-of-fold prediction y^ of either model,
    max(y^ - max y, min y - y^, 0) / (max y - min y) is above `EXTRAPOLATES`.
    """
    if not base.r2 > 0:
        return f"the baseline predicts no better than the mean (held-out R2 {base.r2:.2g})"
    for model, name in ((base, "the baseline"), (full, "the fit with the metric")):
        if model.beyond > EXTRAPOLATES:
            return (
                f"{name} extrapolates: a prediction is outside the range of the outcome by "
                f"{model.beyond:.2g} times that range"
            )
    return ""


def incremental_r2(
    outcome: ArrayLike,
    metric: ArrayLike,
    baseline: ArrayLike,
    configurations: ArrayLike,
    *,
    resamples: int,
    seed: int,
) -> Estimate:
    """Delta R^2 = R^2(baseline + metric) - R^2(baseline), cross-validated over configurations.

    R^2 = 1 - sum e^2 / sum (y - mean y)^2 with e the pooled out-of-fold errors of `cross_validate`;
    NaN if that is impossible. Negative if the metric only adds noise.

    Interval: BCa bootstrap of the squared errors over configurations, with predictions held fixed.
    It includes the sampling of configurations but not the uncertainty of the coefficients. There is
    no interval if a fit breaks down (`breakdown`).

    The baseline omits the other training choices, so a metric that is a proxy for one of them has a
    gain. `r2_beside_design` avoids this.
    """
    try:
        base, full = cross_validate(outcome, metric, baseline, configurations)
    except NotEnoughError as error:
        return Estimate.unknown(str(error))
    y = np.asarray(outcome, dtype=np.float64)
    centred = y - y.mean()
    gain = base.squared_errors - full.squared_errors

    def delta(weights: Floats) -> Floats:
        total = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(axis=1)
        constant = total <= NEGLIGIBLE * np.sum(centred**2)
        return np.asarray(weights @ gain / np.where(constant, np.nan, total))

    if broken := breakdown(base, full):
        reason = f"the fit breaks down: {broken}"
        return Estimate(full.r2 - base.r2, n=len(y), note=reason)
    found = bootstrap_estimate(delta, configurations, resamples=resamples, seed=seed)
    return replace(found, value=full.r2 - base.r2)
