"""The report's main results in sentences, with their limits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from disentangle.claims.ledger import BESIDE, OF_THE_REST
from disentangle.report.numbers import counted, interval, probability
from disentangle.report.trust import raw_interval
from disentangle.statistics import power_statement
from disentangle.statistics.associate import reason_of
from disentangle.tables.select import CHIEF_METRIC, chief_metric
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label

LEVEL = 0.05
"""False discovery rate among the metrics that are reported as associated given training."""

NAMED = 5
"""How many metrics a sentence names at most."""

SCALE = ("params_non_embedding", "tokens_budget")
"""Training choices in the paper's baseline."""


@dataclass(frozen=True)
class Finding:
    """A statement and its evidence."""

    statement: str
    evidence: str


def headline(
    associations: pd.DataFrame, outcome: str, calibration: pd.DataFrame | None = None
) -> list[Finding]:
    """The study's main findings on one outcome and effective rank of W (or its first metric).

    Args:
        associations: the associations table, of models as trained.
        outcome: a column of observations.
        calibration: the calibration table, if there is one.
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
    df = int(row["residual_df"]) if np.isfinite(row["residual_df"]) else 0
    trust = raw_interval(pd.DataFrame() if calibration is None else calibration)
    return [
        Finding(
            f"Without controls: {_direction(*raw, metric)}.",
            f"Spearman ρ = {interval(*raw)} over n = {n} models, {outcome_label(outcome)}. {trust}",
        ),
        Finding(
            f"Given how the models were trained: {_direction(*residual, metric)}.",
            f"Residualised on the design, with effects linear in log size: ρ = "
            f"{interval(*residual)}, {counted(df, 'degree')} of freedom left. The paper's partial "
            f"Spearman correlation, which assumes additive effects: ρ = {interval(*partial)}.",
        ),
        Finding(
            f"As a predictor in addition to all training choices: {gain_in_words(row)}.",
            f"{BESIDE} = {_share(row)}, a share of the variance that they leave unexplained. "
            f"{_beside_scale(row)}",
        ),
        survivors(associations, outcome),
        Finding("What a sample of this size can detect.", power_statement(n, df)),
    ]


def _direction(rho: float, low: float, high: float, metric: str) -> str:
    if not np.isfinite(low):
        return "too few runs to tell"
    if low <= 0 <= high:
        return "no clear association"
    quantity = "rank" if metric == CHIEF_METRIC else metric_label(metric)
    return f"models with higher {quantity} have {'higher' if rho > 0 else 'lower'} loss"


def gain_in_words(row: "pd.Series[Any]") -> str:
    """A metric's gain over all training choices, from its row of associations, in words."""
    low, high = row["delta_r2_design_low"], row["delta_r2_design_high"]
    if not np.isfinite(low):
        return "too few runs to tell"
    if low > 0:
        small = f", by less than {OF_THE_REST:g}" if high < OF_THE_REST else ""
        return f"it improves the prediction{small}"
    return "the gain is negligible" if high <= OF_THE_REST else "no clear gain"


def _share(row: "pd.Series[Any]") -> str:
    return interval(*(row[f"delta_r2_design{end}"] for end in ("", "_low", "_high")))


def _beside_scale(row: "pd.Series[Any]") -> str:
    """The paper's ΔR², and the training choices that its baseline leaves out."""
    others = [name for name in str(row["controls"] or "").split(", ") if name not in SCALE]
    varied = ", ".join(name.replace("_", " ") for name in others if name and name != "nan")
    left_out = f", which leaves out {varied}" if varied else ""
    reason = reason_of(str(row["note"] or ""), "delta_r2")
    value = interval(*(row[f"delta_r2{end}"] for end in ("", "_low", "_high")))
    if breaks_down(reason):
        value = f"not usable ({reason})"
    return f"Over the paper's baseline of size, compute and tokens{left_out}: ΔR² {value}."


def breaks_down(reason: str) -> bool:
    """Whether a held-out fit broke down, according to the reason in its row's note."""
    return "breaks down" in reason


def survivors(associations: pd.DataFrame, outcome: str) -> Finding:
    """Which of the tested metrics are associated with an outcome given how models were trained.

    By the residual estimator's q, Benjamini-Hochberg over the metrics of one outcome.
    """
    given = "given how the models were trained"
    tested = associations[np.isfinite(associations["residual_q"].astype(float))]
    rows = tested[tested["outcome"] == outcome].sort_values("residual_q", kind="stable")
    name = outcome_label(outcome)
    if rows.empty:
        return Finding(
            f"All metrics, {given}: none can be tested.",
            "The training choices leave too few degrees of freedom.",
        )
    found = rows[rows["residual_q"] < LEVEL]
    others = tested[tested["outcome"] != outcome]
    elsewhere = (
        f" On the other outcomes, {int((others['residual_q'] < LEVEL).sum())} of {len(others)} are."
        if len(others)
        else ""
    )
    rule = (
        f"Criterion: q of residual ρ below {LEVEL:g}, Benjamini–Hochberg over {len(rows)} metrics."
    )
    if found.empty:
        best = rows.iloc[0]
        return Finding(
            f"All metrics, {given}: none of the {len(rows)} tested is associated with {name}.",
            f"The closest is {_with_q(best)}. {rule}{elsewhere}",
        )
    seeds = int((found["within_q"] < LEVEL).sum())
    named = "; ".join(_with_q(row) for _, row in found.head(NAMED).iterrows())
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return Finding(
        f"All metrics, {given}: {len(found)} of {len(rows)} tested "
        f"{'is' if len(found) == 1 else 'are'} associated with {name}.",
        f"{named}{more}. {rule} Between seeds of the same configuration, which needs no model of "
        f"the training effects, {seeds} of these {'is' if seeds == 1 else 'are'} too, by the same "
        f"criterion.{elsewhere}",
    )


def _with_q(row: pd.Series) -> str:
    q = probability(row["residual_q"])
    shown = q if q.startswith("<") else f"= {q}"
    return f"{metric_label(row['metric'])} (ρ = {row['residual_rho']:+.2f}, q {shown})"
