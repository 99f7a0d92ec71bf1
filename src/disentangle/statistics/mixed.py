"""Linear mixed model: the metric's slope, sizes having intercepts of their own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.regression.mixed_linear_model import MixedLM

from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.design import column_space
from disentangle.statistics.ranks import NEGLIGIBLE

# A size's standard deviation below a thousandth of the runs' is none.
NO_VARIANCE = 1e-6


@dataclass(frozen=True)
class MixedEffect:
    """Standardised slope and its standard error; NaN with a reason where the fit failed."""

    coefficient: float
    se: float
    reason: str = ""

    @classmethod
    def undefined(cls, reason: str) -> MixedEffect:
        return cls(np.nan, np.nan, reason)


def _standardise(values: Floats) -> Floats:
    return (values - values.mean()) / values.std()


def mixed_effect(
    outcome: ArrayLike, metric: ArrayLike, controls: ArrayLike, sizes: ArrayLike
) -> MixedEffect:
    """Slope b of  z(outcome) = a + b z(metric) + c' controls + u_size + e,  u ~ N(0, tau^2).

    In standard deviations of the outcome per standard deviation of the metric. Restricted maximum
    likelihood (Laird & Ware 1982; statsmodels' MixedLM). The controls are the training
    hyperparameters but for size (`design.numeric_design`); they enter by a basis of the space they
    span, so redundant ones do no harm. NaN for one size, for no more rows than parameters, for a
    metric that the controls fix, without convergence, and where the variance of sizes is estimated
    as zero (a singular fit: its standard error would be conditional on a boundary).

    Assumes additive linear effects of the controls, the same at every size: the same confounding
    remains as in `partial_spearman`. Values are finite.
    """
    y, x = np.asarray(outcome, np.float64), np.asarray(metric, np.float64)
    n = len(y)
    if len(set(np.asarray(sizes).tolist())) < 2:
        return MixedEffect.undefined("needs two sizes")
    if np.ptp(y) == 0 or np.ptp(x) == 0:
        return MixedEffect.undefined("constant")
    fixed = column_space(np.column_stack([np.ones(n), controls]))
    # unlike columns of unit length, these have the scale of the standardised metric
    exog = np.column_stack([_standardise(x), fixed * np.sqrt(n)])
    if n <= exog.shape[1] + 2:
        return MixedEffect.undefined(f"{n} rows for {exog.shape[1] + 2} parameters")
    left = exog[:, 0] - fixed @ (fixed.T @ exog[:, 0])
    if left @ left < NEGLIGIBLE * n:
        return MixedEffect.undefined("metric fixed by the controls")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of is tested below
        try:
            # one variance is sought, and by line search: the gradient methods that statsmodels
            # tries first step on to zero variance, where its likelihood is infinite
            model = MixedLM(_standardise(y), exog, groups=np.asarray(sizes))
            fit = model.fit(reml=True, method="powell")
            tau2 = float(np.asarray(fit.cov_re).squeeze())
            coefficient, se = float(fit.fe_params[0]), float(fit.bse_fe[0])
        except np.linalg.LinAlgError:
            return MixedEffect.undefined("singular")
    if not fit.converged:
        return MixedEffect.undefined("did not converge")
    if tau2 < NO_VARIANCE * fit.scale or not np.isfinite(se):
        return MixedEffect.undefined("singular: no variance between sizes")
    return MixedEffect(coefficient, se)
