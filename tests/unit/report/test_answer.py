"""What the first screen says of metrics whose raw correlation is that of the sizes."""

import math

import pandas as pd
import pytest

from disentangle.report.answer import Trust, answer, turned_by_size
from disentangle.statistics.associate import ASSOCIATIONS

METRICS = [
    ("H_stable_rank", (-0.9, -0.8), (0.1, 0.5)),  # turned
    ("H_effective_rank", (0.2, 0.5), (-0.6, -0.1)),  # turned, with a smaller raw rho
    ("W_effective_rank_pct", (-0.6, -0.3), (-0.8, -0.6)),  # one sign
    ("W_stable_rank", (-0.6, -0.3), (-0.2, 0.6)),  # nothing is shown within sizes
    ("W_outlier_ratio", (-0.6, -0.3), (0.0, 0.5)),  # an interval that ends at 0 shows no sign
    ("W_two_nn", (-0.3, 0.2), (0.2, 0.6)),  # nor over them
    ("W_iso_score", (-0.6, -0.3), (math.nan, math.nan)),  # one size
]


def associations(metrics: list[tuple[str, tuple[float, float], tuple[float, float]]]):
    rows = [
        {
            **dict.fromkeys(ASSOCIATIONS, math.nan),
            **{"variant": "base", "outcome": "id_bits_per_byte", "metric": metric, "n": 40},
            **{"rho": sum(over) / 2, "rho_low": over[0], "rho_high": over[1]},
            **{"by_size_low": within[0], "by_size_high": within[1], "verdict": "undecided"},
        }
        for metric, over, within in metrics
    ]
    return pd.DataFrame(rows)


def lines(metrics: list[tuple[str, tuple[float, float], tuple[float, float]]]) -> list[Trust]:
    found = answer(
        associations(metrics), "id_bits_per_byte", standing=None, coverage="", absent="nothing."
    )
    return [line for line in found.trust if line.about == "Sizes:"]


def test_a_sign_is_turned_only_if_both_intervals_show_it() -> None:
    assert turned_by_size(associations(METRICS)) == ["H_stable_rank", "H_effective_rank"]


def test_the_first_screen_warns_of_correlations_that_sizes_make() -> None:
    assert lines(METRICS) == [
        Trust(
            "Sizes:",
            "2 metrics of 6 have their raw ρ from the model sizes: within them it has the other "
            "sign (H: stable rank, H: effective rank).",
            warns=True,
        )
    ]


@pytest.mark.parametrize("metrics", [METRICS[2:], METRICS[6:]])
def test_nothing_is_said_where_no_sign_turns(metrics) -> None:
    assert lines(metrics) == []


def test_one_metric_is_one_and_more_than_three_are_counted() -> None:
    assert lines(METRICS[:1])[0].words.startswith("1 metric of 1 has its raw ρ from")
    assert lines([METRICS[0]] * 5)[0].words.endswith("H: stable rank and 2 more).")
