"""Boxes and ledger say one thing of a study, whatever is planted in it."""

import numpy as np
import pandas as pd
import pytest

from disentangle.observations import Analysis, adopt, analyze
from disentangle.report.claims import headline
from disentangle.study.sections.statistics import Statistics

SIZES = {"4M": 4e6, "8M": 8e6, "17M": 17e6, "34M": 34e6}
BASE = {
    "tokens_budget": 32e9,
    "batch_size": 128,
    "weight_decay": 0.1,
    "learning_rate": 1.0,
    "final_lr": 0.1,
}
DEPARTURES = [
    {},
    *({"batch_size": batch} for batch in (32, 64, 256, 512)),
    *({"weight_decay": decay} for decay in (0.01, 0.03, 0.3, 0.5)),
    {"tokens_budget": 64e9},
]


def suite(seed: int, *, effect: float = 0.0, seeds: int = 1) -> pd.DataFrame:
    """Forty models, or as many per seed. Rank follows from batch and decay alone, loss from all
    choices; stable rank of H lowers the loss by `effect` of its noise."""
    rng = np.random.default_rng(seed)
    rows = [
        {"size": size, "params_non_embedding": weights, "seed": repeat} | BASE | departure
        for size, weights in SIZES.items()
        for departure in DEPARTURES
        for repeat in range(seeds)
    ]
    table = pd.DataFrame(rows)
    n = len(table)
    size = np.log2(table["params_non_embedding"] / 12e6)
    batch, decay = np.log2(table["batch_size"] / 128), np.log2(table["weight_decay"] / 0.1)
    own = rng.standard_normal(n)
    loss = 3 - 0.2 * size + 0.1 * batch + 0.05 * batch**2 + 0.1 * decay + 0.03 * size * decay
    loss -= 0.1 * np.log2(table["tokens_budget"] / 32e9)
    return table.assign(
        run=[f"m{i}" for i in range(n)],
        W_effective_rank_pct=60 + 4 * batch + 2 * decay + rng.standard_normal(n),
        H_stable_rank=20 + 2 * size + own,
        H_mean_cosine_similarity=0.5 + 0.01 * rng.standard_normal(n),
        id_bits_per_byte=loss - 0.05 * effect * own + 0.05 * rng.standard_normal(n),
    )


def found(table: pd.DataFrame) -> tuple[list[str], dict[int, str], Analysis]:
    """Statements of the boxes, verdicts by claim, and all tables."""
    analysis = analyze(adopt(table), settings=Statistics(resamples=200))
    boxes = headline(analysis.associations, "id_bits_per_byte")
    verdicts = dict(zip(analysis.claims["claim"], analysis.claims["verdict"], strict=True))
    return [box.statement + " " + box.evidence for box in boxes], verdicts, analysis


def test_in_confounded_nulls_no_verdict_contradicts_another() -> None:
    controlled, improves, failing = 0, 0, 0
    for seed in range(20):
        boxes, verdicts, _ = found(suite(seed))
        assert "models with higher rank have higher loss" in boxes[0], "confounded it is"
        controlled += "no clear association" in boxes[1]
        improves += "it improves the prediction" in boxes[2]
        failing += verdicts[3] == "fails"
    assert controlled >= 17
    assert improves <= 2 and failing <= 1


def test_a_real_effect_of_another_metric_is_said() -> None:
    boxes, verdicts, analysis = found(suite(0, effect=10, seeds=2))
    row = analysis.associations.set_index("metric").loc["H_stable_rank"]
    assert row["residual_rho"] < -0.9 and row["within_p"] < 0.001
    assert "H: stable rank (ρ = -0.9" in boxes[3]
    assert "1 of 3 tested is associated with id: bits per byte" in boxes[3]
    assert "1 of these is too" in boxes[3], "between seeds"
    assert verdicts[3] != "fails", "which is about rank"


def test_a_broken_fit_is_neither_a_verdict_nor_a_box() -> None:
    table = suite(0, seeds=2)
    # loss by weight decay alone: size and tokens predict nothing held out
    decay = np.log2(table["weight_decay"] / 0.1)
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(table))
    boxes, _, analysis = found(table.assign(id_bits_per_byte=3 + 0.2 * decay + noise))
    row = analysis.associations.set_index("metric").loc["W_effective_rank_pct"]
    assert np.isfinite(row["delta_r2"]) and np.isnan(row["delta_r2_low"])
    assert "delta_r2: the fit breaks down: the baseline predicts no better" in row["note"]
    tests = analysis.claim_tests.set_index("part")
    paper = tests.loc["id_bits_per_byte: the paper's baseline"]
    assert (paper["verdict"], paper["decides"]) == ("undecided", False)
    assert "breaks down" in paper["note"]
    assert "ΔR² not usable (the fit breaks down" in boxes[2]


@pytest.mark.parametrize("seed", range(3))
def test_rank_that_is_all_there_is_fails_the_claim_that_it_adds_nothing(seed: int) -> None:
    table = suite(seed, seeds=2)
    noise = 0.03 * np.random.default_rng(seed).standard_normal(len(table))
    loss = 12 - 0.1 * table["W_effective_rank_pct"] + noise
    boxes, verdicts, _ = found(table.assign(id_bits_per_byte=loss))
    assert "it improves the prediction." in boxes[2]
    assert verdicts[3] == "fails"
