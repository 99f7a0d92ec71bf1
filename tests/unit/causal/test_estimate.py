"""The tables of a whole experiment, from planted truths."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from an_experiment import SEED_NOISE, experiment

from disentangle.causal.compensation import movement
from disentangle.causal.estimate import CausalTables, estimate_causal
from disentangle.causal.observational import observational_slopes
from disentangle.causal.settings import CausalSettings
from disentangle.statistics.estimate import Estimate
from disentangle.tables.causal import ARM_EFFECTS, CAUSAL_ARMS, CAUSAL_SLOPES
from disentangle.tables.files import to_arrow

SETTINGS = CausalSettings(permutations=499)
ID = "id_bits_per_byte"


def frames(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Arms by name; effects by response, arm and reference; slopes by response and estimator."""
    found = estimate_causal(table, SETTINGS)
    arms, effects, slopes = (
        to_arrow(rows, kind).to_pandas()
        for rows, kind in (
            (found.arms, CAUSAL_ARMS),
            (found.arm_effects, ARM_EFFECTS),
            (found.slopes, CAUSAL_SLOPES),
        )
    )
    return (
        arms.set_index("arm"),
        effects.set_index(["response", "arm", "reference"]),
        slopes.set_index(["response", "estimator"]),
    )


def test_a_planted_slope_is_found_by_intervention_and_another_by_observation() -> None:
    _, effects, slopes = frames(experiment(slope=0.3, noise=0.01))
    doses = slopes.loc[(ID, "two-stage, doses")]
    assert doses["low"] < 0.3 < doses["high"] and doses["high"] - doses["low"] < 0.1
    assert doses["per_tenth"] == pytest.approx(doses["slope"] / 10)
    assert doses["movement"] == "with it" and doses["f"] > 1000 and doses["seeds"] == 12
    every = slopes.loc[(ID, "two-stage, all levers")]
    assert every["low"] < 0.3 < every["high"] and every["j_p"] > 0.05 and every["j_df"] == 2
    seen = slopes.loc[(ID, "observational")]
    # runs of other batch sizes have a slope of -1, in which the experiment has no part
    assert seen["high"] < -0.3 and seen["arms"] == "" and seen["seeds"] == 0
    assert effects.loc[(ID, "low", "control"), "high"] < 0
    assert effects.loc[(ID, "any", ""), "p"] < 0.01


def test_effects_are_those_planted_with_holms_correction() -> None:
    _, effects, slopes = frames(experiment(direct={"narrow": 0.2, "factors": 0.1}, noise=0.01))
    rows = effects.loc[ID]
    assert rows.loc[("narrow", "control"), "effect"] == pytest.approx(0.2, abs=0.02)
    assert rows.loc[("narrow", "factors"), "effect"] == pytest.approx(0.1, abs=0.02)
    significant = rows[rows["holm_p"] < 0.05].index.tolist()
    assert significant == [("narrow", "control"), ("factors", "control"), ("narrow", "factors")]
    assert rows["n"].eq(12).all() and rows["bound"].dropna().eq(0.01).all()
    assert slopes.loc[(ID, "doses minus hard limit"), "low"] > 0
    assert slopes.loc[(ID, "two-stage, all levers"), "j_p"] < 0.01
    assert slopes.loc[(ID, "doses minus initial spectrum"), "j_p"] > 0.01


def test_what_seeds_share_changes_nothing() -> None:
    table = experiment(slope=0.1)
    shifts = np.random.default_rng(3).normal(0, 9, 12)[table["seed"]]
    inside = table["configuration"] == "bs8"
    shifted = table.assign(**{ID: table[ID] + np.where(inside, shifts, 0)})
    for one, other in zip(frames(table)[1:], frames(shifted)[1:], strict=True):
        rows = one.loc[ID].drop(
            index=[name for name in one.loc[ID].index if "observational" in str(name)]
        )
        same = other.loc[ID].loc[rows.index]
        for column in ("p", "low", "high"):
            assert same[column].to_numpy() == pytest.approx(rows[column].to_numpy(), nan_ok=True)


def test_the_order_of_rows_changes_nothing() -> None:
    table = experiment()
    found = estimate_causal(table, SETTINGS)
    again = estimate_causal(table.sample(frac=1, random_state=1), SETTINGS)
    for name in ("arms", "arm_effects", "slopes"):
        one, other = (pd.DataFrame(getattr(tables, name)) for tables in (found, again))
        pd.testing.assert_frame_equal(one, other)


def test_divergence_is_an_outcome_and_takes_its_pairs_along() -> None:
    table = experiment()
    lost = (table["arm"] == "narrow") & (table["seed"] < 7)
    table.loc[lost, ["status", "final"]] = ["diverged", False]
    arms, effects, slopes = frames(table)
    assert arms.loc["narrow", ["runs", "diverged", "n"]].tolist() == [12, 7, 5]
    assert arms.loc["narrow", "diverged_p"] == pytest.approx(2 / 2**7)
    assert arms.loc["low", "diverged_p"] == 1
    row = effects.loc[(ID, "narrow", "factors")]
    assert row["n"] == 5 and row["note"].startswith("7 of 12 seeds lack an arm; 5 seeds cannot")
    assert effects.loc[(ID, "low", "control"), "n"] == 12
    assert slopes.loc[(ID, "two-stage, hard limit"), "n"] == 10


def test_the_rank_that_was_reached_is_set_beside_the_dose() -> None:
    arms, _, _ = frames(experiment())
    assert arms.loc["low", "exposure"] == pytest.approx(0.4, abs=0.003)
    assert abs(arms.loc["low", "missed"]) < 0.003 < arms.loc["low", "missed_most"] < 0.02
    # an initial spectrum is left alone, so it misses nothing
    assert np.isnan(arms.loc["start", "missed"])
    assert arms.loc["start", "exposure_effect_high"] < -0.08
    assert np.isnan(arms.loc["control", "exposure_effect"])


def test_compensation_is_seen_in_what_moves_the_other_way() -> None:
    _, _, slopes = frames(experiment())
    h = slopes.loc[("H_effective_rank_pct", "two-stage, doses")]
    assert (h["role"], h["movement"]) == ("compensation", "the other way")
    assert h["low"] < -20 < h["high"] and np.isnan(h["bound"])
    assert movement(Estimate(1.0, -0.1, 2.1)) == "not shown"
    assert movement(Estimate(1.0, 0.1, 2.1)) == "with it"
    assert movement(Estimate.unknown("none")) == ""


def test_what_is_not_there_is_left_out() -> None:
    assert estimate_causal(experiment().query("arm == ''"), SETTINGS) == CausalTables()
    few = experiment(arms=("", "shifted"))
    arms, effects, slopes = frames(few)
    assert list(arms.index) == ["control", "shifted"] and len(effects.loc[ID]) == 2
    assert all(name.startswith("observational") for _, name in slopes.index)
    unmeasured = experiment().drop(columns="Wproj_effective_rank_pct")
    found = estimate_causal(unmeasured, SETTINGS)
    doses = next(row for row in found.slopes if row["estimator"] == "two-stage, doses")
    assert np.isnan(doses["slope"]) and doses["note"] == "no two arms to compare"
    assert np.isnan(found.arms[1]["exposure"]) and found.arm_effects[0]["n"] == 12


def test_another_study_may_give_the_observations() -> None:
    table = experiment()
    inside = table[table["configuration"] == "bs8"]
    alone = estimate_causal(inside, SETTINGS)
    beside = estimate_causal(inside, SETTINGS, background=table)
    raw = [pd.DataFrame(found.slopes).set_index("estimator") for found in (alone, beside)]
    assert np.isnan(raw[0].loc["observational", "slope"].iloc[0])
    assert raw[1].loc["observational", "slope"].iloc[0] < 0


def test_observational_slopes_are_those_of_statsmodels() -> None:
    table = experiment()
    x, log_batch = table["Wproj_effective_rank_pct"] / 100, np.log(table["batch_size"])
    rows = table.assign(x=x, y=table[ID], log_batch=log_batch)[table["arm"] == ""]
    found = observational_slopes(table, "1M", ID, SETTINGS)
    formulas = {
        "observational": "y ~ x",
        "observational, given choices": "y ~ x + log_batch",
        "observational, between seeds": "y ~ x + C(configuration)",
    }
    for name, formula in formulas.items():
        between = name.endswith("seeds")
        groups = np.arange(len(rows)) if between else rows["batch_size"]
        fit = smf.ols(formula, rows).fit(cov_type="cluster", cov_kwds={"groups": groups})
        assert (found[name].value, found[name].se) == pytest.approx(
            (fit.params["x"], fit.bse["x"])
        ), name
    assert found["observational"].n == 24


def test_noise_of_the_planned_size_decides_equivalence() -> None:
    """What section 3 of the design reckons with: a slope's error of about .018."""
    errors = [
        frames(experiment(seed=seed))[2].loc[(ID, "two-stage, doses"), "se"] for seed in range(5)
    ]
    spread = np.array([0.64, 0.4, 0.6, 0.8, 0.97])
    expected = SEED_NOISE / np.sqrt(12 * ((spread - spread.mean()) ** 2).sum())
    assert np.mean(errors) == pytest.approx(expected, rel=0.2) and expected < 0.021
