"""Saturation is found where it was planted, and rarely where there is none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from disentangle.statistics.saturation import (
    ALPHA,
    judge_runs,
    never_rising,
    rank_fall,
    saturation,
)

STEPS = np.unique(np.geomspace(10, 10_000, 20).astype(np.int64))
NOISE = 0.02
SETTINGS = {"tolerance": 0.02, "resamples": 400, "seed": 0}


def falling(rise: float = 0.0, from_share: float = 0.6) -> np.ndarray:
    """A power law that rises by `rise` in all from a share of its checkpoints on."""
    curve = 3 + 2 * (STEPS / STEPS[0]) ** -0.4
    start = int(from_share * len(STEPS))
    curve[start:] += np.linspace(0, rise + curve[start] - curve[-1], len(STEPS) - start)
    return curve if rise else 3 + 2 * (STEPS / STEPS[0]) ** -0.4


def correlated(k: int, shared: float) -> np.ndarray:
    return shared + (1 - shared) * np.eye(k)


def independent(errors: np.ndarray) -> np.ndarray:
    return np.diag(errors**2)


def verdicts(
    curve: np.ndarray, trials: int, noise: float = NOISE, shared: float = 0.0
) -> list[str]:
    random = np.random.default_rng(7)
    covariance = noise**2 * correlated(len(curve), shared)
    root = np.linalg.cholesky(covariance)
    return [
        saturation(
            STEPS, curve + root @ random.standard_normal(len(curve)), covariance, **SETTINGS
        ).verdict
        for _ in range(trials)
    ]


@pytest.mark.parametrize("curve", [np.full(len(STEPS), 3.0), falling()])
def test_false_alarms_are_at_most_at_the_stated_rate(curve: np.ndarray) -> None:
    # binomial(400, 0.05) exceeds 33 once in a hundred
    assert verdicts(curve, 400).count("saturated") <= 33
    assert ALPHA == 0.05


def test_a_flat_end_is_the_hardest_null_and_meets_the_rate() -> None:
    flat_end = np.concatenate([falling()[:10], np.full(len(STEPS) - 10, falling()[9])])
    share = verdicts(flat_end, 400).count("saturated") / 400
    assert 0.005 <= share <= 0.083


@pytest.mark.parametrize("shared", [0.9, 0.99])
def test_shared_errors_raise_no_more_false_alarms(shared: float) -> None:
    flat_end = np.concatenate([falling()[:10], np.full(len(STEPS) - 10, falling()[9])])
    share = verdicts(flat_end, 400, shared=shared).count("saturated") / 400
    assert share <= 0.083


def test_shared_errors_decide_what_independent_ones_leave_open() -> None:
    # the rise is 1.5 errors of a value, but 11 errors of a difference
    curve = falling(rise=1.5 * NOISE)
    assert verdicts(curve, 50, shared=0.99).count("saturated") >= 48
    assert verdicts(curve, 50).count("undecided") >= 25
    assert verdicts(falling(), 50, shared=0.99).count("not saturated") == 50
    assert verdicts(falling(), 50).count("not saturated") <= 35


def test_a_rise_that_is_certainly_negligible_is_no_saturation() -> None:
    curve = falling()
    curve[-1] = curve[-2] + SETTINGS["tolerance"] / 4
    found = saturation(STEPS, curve, independent(np.full(len(STEPS), 1e-5)), **SETTINGS)
    assert (found.p < ALPHA, found.verdict) == (True, "not saturated")


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_for_independent_errors_the_closest_curve_is_isotonic_regression(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    values, errors = random.normal(size=k), random.uniform(0.1, 2, size=k)
    theirs = IsotonicRegression(increasing=False).fit_transform(
        np.arange(k), values, sample_weight=errors**-2
    )
    assert never_rising(values, np.diag(errors)) == pytest.approx(theirs, abs=1e-9)


def test_for_shared_errors_the_closest_curve_solves_the_quadratic_program() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        k = 6
        root = random.normal(size=(k, k))
        covariance = root @ root.T + 0.1 * np.eye(k)
        values, inverse = random.normal(size=k), np.linalg.inv(covariance)

        def distance(curve: np.ndarray, x: np.ndarray = values, c: np.ndarray = inverse) -> float:
            return float((x - curve) @ c @ (x - curve))

        theirs = minimize(
            distance,
            np.full(k, values.mean()),
            constraints={"type": "ineq", "fun": lambda curve: -np.diff(curve)},
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 1000},
        )
        found = never_rising(values, symmetric_root(covariance))
        assert np.all(np.diff(found) <= 1e-9)
        assert distance(found) == pytest.approx(theirs.fun, rel=1e-4, abs=1e-6)


def symmetric_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values) @ vectors.T


def test_checkpoints_of_equal_weights_are_judged_too() -> None:
    covariance = np.full((len(STEPS), len(STEPS)), NOISE**2)
    found = saturation(STEPS, np.full(len(STEPS), 3.0), covariance, **SETTINGS)
    assert (found.verdict, found.high) == ("not saturated", pytest.approx(0.0, abs=1e-6))


def test_planted_saturation_is_found() -> None:
    found = verdicts(falling(rise=0.2), 100)
    assert found.count("saturated") >= 95


def test_the_best_step_is_where_the_rise_was_planted() -> None:
    curve = falling(rise=0.3)
    errors = np.full(len(curve), 1e-6)
    found = saturation(STEPS, curve, independent(errors), **SETTINGS)
    assert found.best_step == STEPS[int(np.argmin(curve))] == STEPS[int(0.6 * len(STEPS))]
    assert found.degradation == pytest.approx(curve[-1] - curve.min())
    assert found.low < found.degradation < found.high


def test_a_clean_curve_is_not_saturated_and_a_noisy_one_undecided() -> None:
    clean = saturation(STEPS, falling(), independent(np.full(len(STEPS), 1e-4)), **SETTINGS)
    assert (clean.verdict, clean.degradation) == ("not saturated", 0.0)
    values = np.full(len(STEPS), 3.0)
    values[3] = 2.9
    noisy = saturation(STEPS, values, independent(np.full(len(STEPS), 0.1)), **SETTINGS)
    assert noisy.verdict == "undecided"


def test_a_last_value_that_is_lowest_by_chance_rules_out_nothing() -> None:
    values = np.full(len(STEPS), 3.0)
    values[-1] = 2.99
    found = saturation(STEPS, values, independent(np.full(len(STEPS), 0.1)), **SETTINGS)
    assert (found.best_step, found.degradation) == (STEPS[-1], 0.0)
    assert found.high == pytest.approx(-0.01 + 1.96 * 0.1 * np.sqrt(2), abs=1e-3)
    assert found.verdict == "undecided"


def test_the_rank_falls_before_with_or_after() -> None:
    ranks = np.full(len(STEPS), 30.0)
    ranks[8] = 40.0
    fall = rank_fall(STEPS, ranks)
    assert fall.fall == pytest.approx(0.25)
    assert [fall.order(int(STEPS[i])) for i in (12, 8, 3)] == ["before", "with", "after"]


@pytest.mark.parametrize(
    ("values", "errors"),
    [([1.0], [1.0]), ([1.0, 2.0], [1.0, 0.0]), ([1.0, np.nan], [1.0, 1.0]), ([1.0, 2.0], [1.0])],
)
def test_what_is_no_trajectory_is_refused(values: list[float], errors: list[float]) -> None:
    with pytest.raises(ValueError, match=r"needs|must"):
        saturation(
            np.arange(len(values)), np.array(values), independent(np.array(errors)), **SETTINGS
        )


def trajectory(run: str, steps: np.ndarray, **scores: np.ndarray) -> pd.DataFrame:
    """Observations of one run whose rank falls at every checkpoint."""
    errors = {f"{name}_stderr": 0.002 for name in scores}
    rank = 100.0 - np.arange(len(steps))
    return pd.DataFrame({"run": run, "step": steps, "W_effective_rank": rank} | scores).assign(
        variant="base", **errors
    )


def test_runs_are_judged_by_domain_and_those_without_a_trajectory_left_out() -> None:
    def rows(run: str, curve: np.ndarray, steps: np.ndarray) -> pd.DataFrame:
        names = [
            f"{domain}_{unit}" for domain in ("id", "code") for unit in ("bits_per_byte", "loss")
        ]
        return trajectory(run, steps, **dict.fromkeys(names, curve))

    steps = np.concatenate([[0], STEPS])
    start = np.array([9.0])
    observations = pd.concat(
        [
            rows("rises", np.concatenate([start, falling(rise=0.2)]), steps),
            rows("falls", np.concatenate([start, falling()]), steps),
            rows("short", np.array([9.0, 3.0]), np.array([0, 10])),
        ]
    )
    found = pd.DataFrame(judge_runs(observations, **SETTINGS)).set_index(["run", "outcome"])
    assert len(found) == 4
    for domain in ("id", "code"):
        rising = found.loc["rises", f"{domain}_bits_per_byte"]
        assert (rising["verdict"], rising["rank_order"]) == ("saturated", "before")
        assert rising["checkpoints"] == len(STEPS)
        assert rising["rank_peak_step"] == STEPS[0]
        assert found.loc["falls", f"{domain}_bits_per_byte"]["verdict"] == "not saturated"


def test_a_task_degrades_when_its_score_falls() -> None:
    # better rises, then falls
    observations = trajectory("a", STEPS, piqa_acc=-falling(rise=0.2), piqa_acc_norm=-falling())
    found = judge_runs(observations, **SETTINGS)
    verdicts = {row["outcome"]: (row["verdict"], row["degradation"]) for row in found}
    assert verdicts["piqa_acc"][0] == "saturated" and verdicts["piqa_acc"][1] > 0
    assert verdicts["piqa_acc_norm"][0] == "not saturated"


def test_without_ranks_the_loss_alone_is_judged_per_token_if_need_be() -> None:
    observations = trajectory("a", STEPS, id_loss=falling(rise=0.2)).drop(
        columns="W_effective_rank"
    )
    (row,) = judge_runs(observations, **SETTINGS)
    assert (row["outcome"], row["verdict"], row["rank_order"]) == ("id_loss", "saturated", None)
