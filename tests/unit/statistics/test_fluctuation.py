"""Movements of a run between checkpoints: recovered where planted, and no late rises."""

import numpy as np
import pandas as pd
import pytest

from disentangle.statistics.fluctuation import FEWEST, Curve, pooled_fluctuation
from disentangle.statistics.saturation import judge_runs

STEPS = np.unique(np.geomspace(20, 10_000, 13).astype(np.int64))
ERROR = 0.001


def course(scale: float = 1.0) -> np.ndarray:
    """A power law in the number of steps."""
    return 3 + 2 * scale * (STEPS / STEPS[0]) ** -0.4


def curves(moves: float, runs: int, seed: int = 0, rise: float = 0.0) -> list[Curve]:
    """Runs of a suite; each levels off at another height, and all end with a rise."""
    random = np.random.default_rng(seed)
    late = rise * np.clip((np.arange(len(STEPS)) - 10) / 2, 0, 1)
    return [
        Curve(STEPS, course(random.uniform(0.5, 2)) + late + moves * random.standard_normal(13))
        for _ in range(runs)
    ]


@pytest.mark.parametrize("moves", [0.01, 0.05])
def test_planted_movements_are_recovered(moves: float) -> None:
    found = [pooled_fluctuation(curves(moves, 20, seed)) for seed in range(20)]
    assert np.mean(found) == pytest.approx(moves, rel=0.1)
    assert np.std(found) < 0.2 * moves


def test_what_bends_alike_is_no_movement() -> None:
    assert pooled_fluctuation(curves(0.0, 20)) < 0.002
    assert pooled_fluctuation(curves(0.0, 20, rise=0.5)) < 0.002


def test_few_runs_that_are_made_to_rise_do_not_hide_themselves() -> None:
    suite = curves(0.01, 15) + curves(0.01, 5, seed=1, rise=0.3)
    assert pooled_fluctuation(suite) == pytest.approx(0.01, rel=0.25)


def test_few_checkpoints_tell_nothing() -> None:
    short = Curve(np.array([1, 10, 100]), np.array([3.0, 2.5, 2.4]))
    assert pooled_fluctuation([short] * (FEWEST - 1)) is None
    assert pooled_fluctuation([short] * FEWEST) is not None
    assert pooled_fluctuation([]) is None


def judged(suite: list[Curve]) -> pd.DataFrame:
    rows = [
        {"run": f"r{i:03}", "step": step, "id_bits_per_byte": value, "variant": "base"}
        for i, curve in enumerate(suite)
        for step, value in zip(curve.steps, curve.values, strict=True)
    ]
    observations = pd.DataFrame(rows).assign(id_bits_per_byte_stderr=ERROR)
    return pd.DataFrame(judge_runs(observations, tolerance=0.01, resamples=300, seed=0))


def flat(moves: float, runs: int, seed: int) -> list[Curve]:
    random = np.random.default_rng(seed)
    level = np.minimum.accumulate(course())
    level[6:] = level[6]
    return [Curve(STEPS, level + moves * random.standard_normal(13)) for _ in range(runs)]


def test_movements_of_flat_runs_are_not_called_late_rises() -> None:
    table = judged(flat(0.03, 300, 0))
    assert (table["p"] < 0.05).mean() > 0.5, "by the errors of measurement alone"
    assert (table["verdict"] == "saturated").mean() <= 0.083
    assert table["fluctuation"].iloc[0] == pytest.approx(0.03, rel=0.15)


def test_planted_rises_are_called_and_others_are_not() -> None:
    table = judged(flat(0.03, 12, 1) + curves(0.03, 18, seed=2, rise=0.4))
    assert (table["verdict"][12:] == "saturated").sum() >= 17
