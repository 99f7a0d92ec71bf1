"""The two tables as a whole: columns, missing rows, small samples, determinism."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from planted_worlds import design_only, paper_design
from statsmodels.stats.multitest import multipletests

from disentangle.statistics import (
    associate,
    benjamini_hochberg,
    mixed_effect_by_run,
    partial_spearman,
    r2_beside_design,
    regressions,
    residual_spearman,
    spearman,
    spearman_by_size,
)
from disentangle.statistics.associate import ASSOCIATIONS, REGRESSIONS, reason_of
from disentangle.statistics.design import cells, design_matrix, numeric_design

METRICS = ["W_effective_rank", "H_isoscore"]
OUTCOMES = ["id_bits_per_byte", "code_bits_per_byte"]
NUMBERS = ["rho", "partial_rho", "residual_rho", "delta_r2", "mixed_coef"]


@pytest.fixture
def observations():
    table = paper_design()
    rng = np.random.default_rng(0)
    for metric, outcome in zip(METRICS, OUTCOMES, strict=True):
        table[metric], table[outcome] = design_only(table, rng, 0.5, interaction=True, rho=0.6)
        # loss falls with size, so that the paper's baseline predicts it
        levels = 3 * rng.standard_normal(6) - 4 * np.arange(6)
        offset = dict(zip(table["size"].unique(), levels, strict=True))
        table[outcome] += table["size"].map(offset)
    return table


def checkpoints(observations):
    """Two earlier checkpoints of each run, and its first, before any step."""

    def shifted(step, name):
        seeds = [[int(run.removeprefix("run")), step, len(name)] for run in observations["run"]]
        return observations[name] + [np.random.default_rng(s).standard_normal() for s in seeds]

    columns = [name for name in METRICS + OUTCOMES if name in observations]
    earlier = [
        observations.assign(
            step=step, tokens=1000.0 * step, **{name: shifted(step, name) for name in columns}
        )
        for step in (0, 10, 20)
    ]
    return pd.concat([*earlier, observations.assign(step=40, tokens=40_000.0)])


def table(observations, metrics=METRICS, outcomes=OUTCOMES, seed=0):
    return associate(
        observations,
        outcomes,
        metrics,
        variant="base",
        resamples=100,
        seed=seed,
        checkpoints=checkpoints(observations),
    )


def test_one_row_for_each_pair_with_all_the_columns(observations):
    result = table(observations)
    assert list(result.columns) == ASSOCIATIONS
    assert result[["outcome", "metric"]].value_counts().tolist() == [1] * 4
    assert (result["variant"] == "base").all()
    assert (result["n"] == 108).all()
    assert (result["residual_df"] == 73).all()
    assert (result["note"] == "").all()
    assert result.drop(columns=["note"]).notna().all().all()
    assert (result["mixed_run_n"] == 3 * 108).all(), "those after step 0"
    for name in ("rho", "partial", "residual", "delta_r2", "delta_r2_design"):
        low, high = result[f"{name}_low"], result[f"{name}_high"]
        centre = result[name if name in result else f"{name}_rho"]
        assert (low < high).all()
        assert ((low <= centre) & (centre <= high)).all()
    assert result["controls"][0].split(", ") == [
        "params_non_embedding",
        "tokens_budget",
        "batch_size",
        "weight_decay",
        "learning_rate",
        "final_lr",
    ]


def test_each_column_is_its_estimators(observations):
    row = table(observations, METRICS[:1], OUTCOMES[:1]).iloc[0]
    x, y = observations[METRICS[0]], observations[OUTCOMES[0]]
    controls = observations[row["controls"].split(", ")]
    boot = {"clusters": cells(observations), "resamples": 100, "seed": 0}
    for prefix, result in {
        "rho": spearman(x, y, **boot),
        "partial": partial_spearman(x, y, controls, **boot),
        "residual": residual_spearman(x, y, design_matrix(observations), **boot),
    }.items():
        rho = "rho" if prefix == "rho" else f"{prefix}_rho"
        columns = [rho, f"{prefix}_low", f"{prefix}_high", f"{prefix}_p"]
        assert row[columns].tolist() == [result.value, result.low, result.high, result.p]
    by_size = spearman_by_size(x, y, observations["size"], **boot)
    columns = ["by_size_rho", "by_size_low", "by_size_high", "by_size_sizes"]
    assert row[columns].tolist() == [by_size.value, by_size.low, by_size.high, by_size.df]
    assert by_size.df == 6 and by_size.value != row["rho"]


def test_the_mixed_effect_by_run_and_the_gain_over_the_design_are_their_estimators(observations):
    row = table(observations, METRICS[:1], OUTCOMES[:1]).iloc[0]
    names = row["controls"].split(", ")
    after = checkpoints(observations).query("step > 0")
    along = mixed_effect_by_run(
        after[OUTCOMES[0]],
        after[METRICS[0]],
        after["tokens"],
        numeric_design(after, names),
        after["run"],
    )
    assert row[["mixed_run_coef", "mixed_run_se"]].tolist() == [along.value, along.se]
    beside = r2_beside_design(
        observations[OUTCOMES[0]],
        observations[METRICS[0]],
        design_matrix(observations),
    )
    assert row["delta_r2_design"] == beside.value
    assert [row["delta_r2_design_low"], row["delta_r2_design_high"]] == [beside.low, beside.high]


def test_the_planted_pairs_are_found_given_the_design(observations):
    result = table(observations).set_index(["outcome", "metric"])
    assert (result.loc[[*zip(OUTCOMES, METRICS, strict=True)], "residual_p"] < 0.001).all()


def test_rows_that_are_not_finite_are_left_out_of_their_fits_only(observations):
    holed = observations.copy()
    holed.loc[[3, 50], "W_effective_rank"] = np.nan
    holed.loc[[7], "id_bits_per_byte"] = np.inf
    result = table(holed).set_index(["outcome", "metric"])["n"]
    assert result["id_bits_per_byte", "W_effective_rank"] == 105
    assert result["code_bits_per_byte", "W_effective_rank"] == 106
    assert result["id_bits_per_byte", "H_isoscore"] == 107
    assert result["code_bits_per_byte", "H_isoscore"] == 108
    without = observations.drop(index=[3, 7, 50])
    alone = table(without, METRICS[:1], OUTCOMES[:1]).drop(columns=["partial_q", "within_q"])
    assert_frame_equal(table(holed).head(1)[alone.columns], alone)


def test_runs_of_unknown_training_are_left_out(observations):
    holed = observations.copy()
    holed["weight_decay"] = holed["weight_decay"].mask(holed.index == 0)
    assert (table(holed)["n"] == 107).all()


def test_seed_and_order_of_rows(observations):
    first = table(observations)
    assert_frame_equal(first, table(observations))
    shuffled = observations.sample(frac=1, random_state=0)
    assert_frame_equal(first, table(shuffled), check_exact=False, rtol=1e-4)
    assert (first["rho_low"] != table(observations, seed=1)["rho_low"]).all()


def test_signs_follow_the_metric(observations):
    flipped = table(observations.assign(**{m: -observations[m] for m in METRICS}))
    plain = table(observations)
    for name in ("rho", "partial_rho", "residual_rho", "mixed_coef"):
        np.testing.assert_allclose(flipped[name], -plain[name], rtol=1e-3)
    for name in ("delta_r2", "delta_r2_design"):
        np.testing.assert_allclose(flipped[name], plain[name])


def test_a_fit_that_breaks_down_is_noted_and_has_no_interval(observations):
    # the largest model is far off the line that the others are on
    bent = observations.assign(
        id_bits_per_byte=observations["id_bits_per_byte"] + 1000 * (observations["size"] == "75M")
    )
    first = table(bent, METRICS[:1], OUTCOMES[:1]).iloc[0]
    assert np.isnan(first[["delta_r2_low", "delta_r2_high"]].tolist()).all()
    assert "the baseline predicts no better" in reason_of(first["note"], "delta_r2") or (
        "extrapolates" in reason_of(first["note"], "delta_r2")
    )
    assert reason_of(first["note"], "delta_r2_design") == ""
    assert np.isfinite(first["delta_r2_design_low"]), "it has a level for each size"


def test_a_note_is_read_by_estimator():
    note = "raw: 2 rows; delta_r2: no interval: it breaks"
    assert reason_of(note, "raw") == "2 rows"
    assert reason_of(note, "delta_r2") == "no interval: it breaks"
    assert reason_of(note, "delta_r2_design") == reason_of("", "raw") == ""


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_a_handful_of_rows_says_why_it_says_nothing(observations, n):
    rows = observations.iloc[:: 108 // 4].head(n)
    result = table(rows)
    assert (result["n"] == n).all()
    given_design = ["partial_rho", "residual_rho", "delta_r2", "mixed_coef", "rho_low"]
    assert result[given_design].isna().all().all()
    assert result["rho"].notna().all() == (n >= 3)
    for estimator in ("raw", "partial", "residual", "delta_r2", "mixed"):
        assert result["note"].str.contains(f"{estimator}: ").all()


def test_constant_columns_are_noted(observations):
    result = table(observations.assign(W_effective_rank=0.1, weight_decay=0.1))
    constant = result[result["metric"] == "W_effective_rank"]
    assert constant[["rho", "partial_rho", "residual_rho", "mixed_coef"]].isna().all().all()
    assert constant["note"].str.startswith("raw: constant").all()
    assert not result["controls"].str.contains("weight_decay").any()
    assert result[result["metric"] == "H_isoscore"]["rho"].notna().all()


def test_families_are_the_metrics_of_one_outcome(observations):
    result = table(observations)
    for _, family in result.groupby("outcome"):
        for estimator in ("partial", "residual", "within"):
            expected = multipletests(family[f"{estimator}_p"], method="fdr_bh")[1]
            assert family[f"{estimator}_q"].to_numpy() == pytest.approx(expected)


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=30))
@settings(max_examples=60, deadline=None)
def test_q_values_are_statsmodels_on_what_was_tested(p):
    p = np.array(p)
    q = benjamini_hochberg(p)
    tested = np.isfinite(p)
    assert (np.isnan(q) == ~tested).all()
    if tested.any():
        assert q[tested] == pytest.approx(multipletests(p[tested], method="fdr_bh")[1])
        assert (q[tested] >= p[tested] - 1e-12).all()


def test_regressions_are_the_folds_behind_delta_r2(observations):
    folds = regressions(observations, OUTCOMES, METRICS, variant="base")
    assert list(folds.columns) == REGRESSIONS
    assert len(folds) == 4 * 2 * 5
    pooled = folds.groupby(["outcome", "metric", "model"])["pooled_r2"].first().unstack()
    delta = table(observations).set_index(["outcome", "metric"])["delta_r2"]
    difference = pooled["baseline+metric"] - pooled["baseline"]
    pd.testing.assert_series_equal(difference.sort_index(), delta.sort_index(), check_names=False)


def test_regressions_of_too_few_rows_are_an_empty_table(observations):
    folds = regressions(observations.head(4), OUTCOMES, METRICS, variant="base")
    assert list(folds.columns) == REGRESSIONS
    assert folds.empty


def test_nothing_asked_nothing_answered(observations):
    assert list(table(observations, metrics=[]).columns) == ASSOCIATIONS


def test_a_table_that_is_no_suite_is_refused(observations):
    with pytest.raises(ValueError, match="lack the design columns size, seed"):
        table(observations.drop(columns=["size", "seed"]))
    with pytest.raises(ValueError, match="more than one row for the runs run0"):
        table(pd.concat([observations, observations.head(1)]))
