"""One verdict per metric, and the two sentences that are made of them."""

import numpy as np
import pandas as pd
import pytest

from disentangle.claims.metric_verdicts import VERDICTS, metric_verdict, with_verdicts
from disentangle.report.answer import answer


def row(raw: float, left: float, width: float, q: float, metric: str = "W_effective_rank_pct"):
    return pd.Series(
        {
            **{"metric": metric, "outcome": "id_bits_per_byte", "n": 40, "residual_df": 20.0},
            **{"rho": raw, "rho_low": raw - width, "rho_high": raw + width},
            **{"residual_rho": left, "residual_low": left - width, "residual_high": left + width},
            **{"by_size_low": np.nan, "by_size_high": np.nan},
            **{"residual_q": q, "within_rho": np.nan, "within_q": np.nan, "within_n": 0},
        }
    )


@pytest.mark.parametrize(
    ("raw", "left", "width", "q", "verdict"),
    [
        (0.6, 0.5, 0.15, 0.01, "beyond training"),
        (-0.6, -0.5, 0.15, 0.01, "beyond training"),
        (0.6, 0.05, 0.2, 0.8, "training only"),
        (-0.6, 0.05, 0.2, 0.8, "training only"),
        (0.02, 0.05, 0.15, 0.8, "no association"),
        (0.6, 0.2, 0.2, 0.3, "undecided"),
        (0.3, 0.05, 0.31, 0.8, "undecided"),
        (0.1, 0.05, 0.15, 0.8, "undecided"),
        (np.nan, np.nan, np.nan, np.nan, "undecided"),
    ],
)
def test_a_metric_is_judged_by_what_is_left(raw, left, width, q, verdict) -> None:
    assert metric_verdict(row(raw, left, width, q)) == verdict
    assert verdict in VERDICTS


@pytest.mark.parametrize(
    ("within", "q", "n", "verdict"),
    [
        (0.4, 0.01, 40, "beyond training"),
        (0.4, 0.2, 40, "undecided"),
        (-0.4, 0.01, 40, "undecided"),  # of the other sign
        (0.4, 0.01, 21, "beyond training"),
        (0.1, 0.7, 21, "undecided"),
        (0.1, 0.7, 20, "beyond training"),  # half of the models are too few to decide
        (np.nan, np.nan, 40, "beyond training"),  # nothing can be told within cells
    ],
)
def test_where_most_models_are_repeated_it_must_hold_within_cells(within, q, n, verdict) -> None:
    one = row(0.6, 0.5, 0.15, 0.01)
    one[["within_rho", "within_q", "within_n"]] = [within, q, n]
    assert metric_verdict(one) == verdict


def sentences(*rows: pd.Series) -> tuple[str, str, list[str]]:
    table = with_verdicts(pd.DataFrame(rows))
    found = answer(table, "id_bits_per_byte", standing=None, coverage="", absent="nothing.")
    return found.of_the_chief, found.of_all, [line.words for line in found.trust]


def test_the_answer_says_what_is_left_given_training() -> None:
    of_chief, of_all, _ = sentences(row(-0.6, 0.02, 0.2, 0.9))
    assert "higher effective rank have lower loss (raw ρ = -0.60" in of_chief
    assert "next to nothing of it is left (ρ = +0.02" in of_chief
    assert of_all == (
        "None of 1 metric is shown to say more than the training choices do: 1 follows training "
        "only."
    )
    of_chief, _, _ = sentences(row(0.6, 0.5, 0.15, 0.01))
    assert "higher values still go with higher loss (ρ = +0.50" in of_chief
    of_chief, _, _ = sentences(row(0.1, 0.1, 0.5, 0.9))
    assert "neither clearly higher nor clearly lower" in of_chief
    assert "cannot tell whether anything is left" in of_chief


def test_an_outcome_that_is_no_loss_is_not_called_one() -> None:
    one = row(0.6, 0.02, 0.2, 0.9)
    one["outcome"] = "sciq_acc"
    table = with_verdicts(pd.DataFrame([one]))
    found = answer(table, "sciq_acc", standing=None, coverage="", absent="nothing.")
    assert "have higher score (raw" in found.of_the_chief


def test_metrics_that_say_more_are_named() -> None:
    metrics = ["H_stable_rank", "H_IsoScore", "W_stable_rank", "H_participation_ratio"]
    others = [row(0.6, 0.5, 0.1, 0.001 * i, name) for i, name in enumerate(metrics, 1)]
    _, of_all, trust = sentences(row(0.6, 0.02, 0.2, 0.9), *others)
    assert of_all.startswith("Of 5 metrics, 4 say more than the training choices do (H: stable")
    assert of_all.endswith(" and 1 more); 1 follows training only.")
    assert trust[0].startswith("40 models, 20 degrees of freedom beside the design: a controlled ρ")


def test_without_models_nothing_is_claimed() -> None:
    nothing = row(np.nan, np.nan, np.nan, np.nan)
    nothing["n"] = 0
    of_chief, of_all, _ = sentences(nothing)
    assert of_chief == "No model has both a metric of its geometry and this score yet."
    assert of_all == "No metric can be judged given how the models were trained."
