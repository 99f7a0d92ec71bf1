"""What the numbers say, in sentences, and what they cannot say."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from disentangle.figures.style import metric_label, outcome_label
from disentangle.statistics import power_statement
from disentangle.tables.select import CHIEF_METRIC, chief_metric


@dataclass(frozen=True)
class Finding:
    """A statement and what it rests on."""

    statement: str
    evidence: str


def interval(value: float, low: float, high: float) -> str:
    """A number with its interval, or a dash: '-0.42 [-0.71, -0.05]'."""
    if not np.isfinite(value):
        return "not estimable"
    shown = _signed(value)
    return f"{shown} [{_signed(low)}, {_signed(high)}]" if np.isfinite(low) else shown


def _signed(value: float) -> str:
    # an out-of-fold R^2 has no lower bound, and a long number would only look exact
    return f"{value:+.2f}" if abs(value) < 100 else f"{value:+.0e}"


def _direction(rho: float, low: float, high: float, metric: str) -> str:
    if not np.isfinite(low) or low <= 0 <= high:
        return "no clear association"
    quantity = "rank" if metric == CHIEF_METRIC else metric_label(metric)
    return f"models with higher {quantity} have {'higher' if rho > 0 else 'lower'} loss"


def headline(associations: pd.DataFrame, outcome: str) -> list[Finding]:
    """What the study says about effective rank of W, or its first metric, and one outcome.

    Args:
        associations: the associations table.
        outcome: a column of observations.
    """
    metric = chief_metric(associations["metric"].tolist())
    rows = associations[(associations["outcome"] == outcome) & (associations["metric"] == metric)]
    if rows.empty or not rows.iloc[0]["n"]:
        return [Finding("No run has both an effective rank and this score yet.", "")]
    row = rows.iloc[0]
    n = int(row["n"])
    raw = (row["rho"], row["rho_low"], row["rho_high"])
    partial = (row["partial_rho"], row["partial_low"], row["partial_high"])
    residual = (row["residual_rho"], row["residual_low"], row["residual_high"])
    gain = (row["delta_r2"], row["delta_r2_low"], row["delta_r2_high"])
    df = int(row["residual_df"]) if np.isfinite(row["residual_df"]) else 0
    return [
        Finding(
            f"Taken by itself: {_direction(*raw, metric)}.",
            f"Spearman ρ = {interval(*raw)} over n = {n} models, {outcome_label(outcome)}.",
        ),
        Finding(
            f"Given how the models were trained: {_direction(*residual, metric)}.",
            f"Residualised on the design, with effects that change evenly in log size: ρ = "
            f"{interval(*residual)}, {df} degrees of freedom left. The paper's partial "
            f"Spearman, which trusts effects to be additive: ρ = {interval(*partial)}.",
        ),
        Finding(
            "As a predictor beside size, compute and tokens: " + _gain_in_words(*gain) + ".",
            f"Held-out ΔR² = {interval(*gain)}, whole configurations left out together. With few "
            "configurations the fit extrapolates, and R² may fall far below zero.",
        ),
        Finding("What a sample of this size can decide.", power_statement(n, df)),
    ]


def _gain_in_words(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return "too few configurations to tell"
    if np.isfinite(low) and low > 0:
        return "it improves the prediction"
    if np.isfinite(high) and high < 0:
        return "it makes the prediction worse"
    return "no clear gain"
