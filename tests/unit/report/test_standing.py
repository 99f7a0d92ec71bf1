"""The report says where the runs stand between initialisation and training."""

from typing import Any

import pandas as pd
import pytest

from disentangle.report.regime import PAPERS, standing
from disentangle.study import expand, read_config
from disentangle.study.regime import Regime, regime_of, spread_of


def table(**steps_over_tau: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run": list(steps_over_tau),
            "size": "1K",
            "tokens_per_weight": 250.0,
            "steps_over_tau": list(steps_over_tau.values()),
            "warmup_share": 0.05,
            "epochs": 2.0,
            "rows_per_dimension": [32.0 * (1 + i) for i in range(len(steps_over_tau))],
        }
    )


def test_ranges_stand_beside_the_papers() -> None:
    found = standing(table(a=0.3, b=24))
    assert found is not None
    assert found.of_runs["b"] == Regime(250, 24, 0.05, 2, 64)
    assert found.warning == ""
    for part in (
        "250 training tokens per weight of the blocks (the paper: 110 to 31,000)",
        "0.3 to 24 steps per τ, AdamW's memory (the paper, as reconstructed: 1.3 to 130)",
        "2 epochs of the text",
        "32 to 64 vocabulary rows",
    ):
        assert part in found.ranges


def test_the_papers_ranges_are_those_of_its_reconstruction(paper_config: dict[str, Any]) -> None:
    spread = spread_of(regime_of(run, None) for run in expand(read_config(paper_config)))
    for name, ends in PAPERS.items():
        assert spread[name] == pytest.approx(ends, rel=0.01), name


def test_a_suite_of_beginners_is_warned_of() -> None:
    found = standing(table(a=0.3, b=0.1, c=9))
    assert found is not None and "close to their initialisation: 2 of 3" in found.warning


def test_without_training_there_is_no_regime() -> None:
    assert standing(None) is None
    assert standing(table().iloc[:0]) is None
