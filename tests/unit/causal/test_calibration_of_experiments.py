"""Simulated experiments find the estimators out: where they keep their level, and where not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from disentangle.causal.calibrate import Truth, calibrate
from disentangle.causal.document import calibration_document
from disentangle.causal.worlds import ARMS, LOSS_NOISE, WORLDS
from disentangle.tables.causal import CAUSAL_CALIBRATION
from disentangle.tables.files import to_arrow

DOCS = Path(__file__).parents[3] / "docs" / "causal-arm.md"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rows = calibrate(worlds=200, seed=1, names=["rank", "unequal", "shared"])
    to_arrow(rows, CAUSAL_CALIBRATION)
    return pd.DataFrame(rows).set_index(["world", "estimator"])


def test_tests_keep_their_level_and_intervals_cover(table: pd.DataFrame) -> None:
    sound = ("lowest dose minus control", "two-stage, doses", "two-stage, all levers")
    for world in ("unequal", "shared"):
        for estimator in (*sound, "J over levers", "J over doses"):
            row = table.loc[(world, estimator)]
            assert row["null"] and row["found_low"] <= 0.05, (world, estimator)
    for world in ("rank", "unequal", "shared"):
        for estimator in (*sound, "parabola, lowest dose"):
            assert table.loc[(world, estimator), "coverage_high"] >= 0.95, (world, estimator)
        assert table.loc[(world, "any idle arm, Holm"), "found"] < 0.1


def test_a_slope_of_a_tenth_is_found_and_is_not_taken_for_none(table: pd.DataFrame) -> None:
    row = table.loc[("rank", "two-stage, doses")]
    assert row["truth"] == pytest.approx(0.1) and not row["null"] and row["found"] > 0.95
    assert abs(row["bias"]) < 0.005
    # the slope is the bound itself, so five in a hundred are taken for smaller
    assert table.loc[("rank", "equivalence of the slope"), "found"] < 0.1
    assert table.loc[("shared", "equivalence of the slope"), "found"] > 0.9


def test_observation_is_fooled_by_a_shared_cause_and_intervention_is_not(
    table: pd.DataFrame,
) -> None:
    assert table.loc[("shared", "observation of the control"), "found"] > 0.8
    assert table.loc[("shared", "two-stage, doses"), "found"] < 0.1
    assert table.loc[("shared", "two-stage, doses"), "truth"] == 0


def test_truths_are_what_large_experiments_give() -> None:
    for name, world in WORLDS.items():
        truth = Truth.of(world)
        rng = np.random.default_rng(0)
        drawn = [world.draw(rng) for _ in range(3000)]
        loss = np.nanmean([y for y, _ in drawn], axis=(0, 1))
        rank = np.nanmean([x for _, x in drawn], axis=(0, 1))
        assert loss[1] - loss[0] == pytest.approx(truth.effect, abs=0.002), name
        doses = slice(0, 5)
        slope = np.polyfit(rank[doses], loss[doses], 1)[0]
        assert slope == pytest.approx(truth.slope, abs=0.005), name


def test_worlds_are_what_they_say() -> None:
    rng = np.random.default_rng(0)
    drawn = [WORLDS["unequal"].draw(rng)[0] for _ in range(400)]
    left = np.concatenate([y - y.mean(axis=1, keepdims=True) for y in drawn])
    noise = left.std(axis=0)
    assert noise[1] / noise[6] == pytest.approx(3, rel=0.25)
    lost = np.isnan(np.concatenate([WORLDS["missing"].draw(rng)[0] for _ in range(100)]))
    assert lost.mean() == pytest.approx(0.1, abs=0.01)
    pairs = [WORLDS["shared"].draw(rng) for _ in range(400)]
    control = np.concatenate([np.column_stack([y[:, 0], x[:, 0]]) for y, x in pairs])
    assert np.corrcoef(control.T)[0, 1] < -0.5
    held = np.concatenate([np.column_stack([y[:, 2], x[:, 2]]) for y, x in pairs])
    assert np.std(held[:, 1]) < 0.004
    plain = np.concatenate([WORLDS["heavy"].draw(rng)[0] for _ in range(2000)])
    left = plain[:, 1] - plain[:, 2]
    assert left.std() == pytest.approx(LOSS_NOISE * np.sqrt(2), rel=0.1)
    assert len(ARMS) == 11


def test_the_docs_have_a_column_for_every_world_and_a_row_for_every_estimator() -> None:
    rows = pd.DataFrame(calibrate(worlds=3, names=["nothing", "lever"]))
    text = calibration_document(rows)
    assert "| estimator | nothing | lever |" in text
    documented = DOCS.read_text()
    assert f"| estimator | {' | '.join(WORLDS)} |" in documented
    for estimator in rows["estimator"].unique():
        assert f"| {estimator} |" in documented
