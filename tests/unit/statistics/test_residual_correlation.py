"""The design-residualised estimator: its df, its level where others fail, its silence."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from planted_worlds import design_only, paper_design, replicated_design
from scipy.stats import spearmanr, t

from disentangle.statistics import partial_spearman, residual_spearman, spearman
from disentangle.statistics.design import (
    cells,
    column_space,
    configurations,
    design_matrix,
    numeric_design,
    varying,
)


def residual(x, y, table, design=None, resamples=1, seed=0):
    return residual_spearman(
        x,
        y,
        design_matrix(table) if design is None else design,
        clusters=cells(table),
        resamples=resamples,
        seed=seed,
    )


def figures(estimate):
    return estimate.value, estimate.low, estimate.high


def test_configurations_ignore_size_and_seed_and_cells_only_the_seed():
    table = paper_design()
    assert len(np.unique(configurations(table))) == 15
    assert len(np.unique(cells(table))) == 90


def test_rank_of_the_design():
    """6 sizes + 14 more configurations + 14 more slopes."""
    assert column_space(design_matrix(paper_design())).shape[1] == 34


def test_varying_columns_and_logarithms():
    table = paper_design().query("size == '4M'")
    assert "params_non_embedding" not in varying(table)
    assert "final_lr" in varying(table)
    logs = numeric_design(table, ["tokens_budget", "weight_decay"])
    assert logs[:, 0] == pytest.approx(np.log(table["tokens_budget"]))
    assert logs[:, 1] == pytest.approx(table["weight_decay"])


def test_equals_least_squares_with_a_formula():
    table = paper_design()
    x, y = design_only(table, np.random.default_rng(0), 0.5, interaction=True, rho=0.5)
    table = table.assign(x=x, y=y, c=configurations(table))
    table["lp"] = np.log(table["params_non_embedding"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the formula is rank-deficient, as the design is
        fits = [smf.ols(f"{v} ~ C(size) + C(c) + C(c):lp", table).fit() for v in ("x", "y")]
    rho = spearmanr(fits[0].resid, fits[1].resid).statistic
    df = fits[0].df_resid - 1
    p = 2 * t.sf(abs(rho) * np.sqrt(df / (1 - rho**2)), df)
    ours = residual(x, y, table)
    assert (ours.value, ours.p, ours.df, ours.n) == pytest.approx((rho, p, df, 108))
    assert ours.df == 73


def test_with_a_constant_for_a_design_it_is_raw():
    table = paper_design()
    x, y = design_only(table, np.random.default_rng(0), 1, interaction=False)
    kwargs = {"clusters": cells(table), "resamples": 200, "seed": 0}
    ours, raw = residual_spearman(x, y, np.ones((108, 1)), **kwargs), spearman(x, y, **kwargs)
    assert (ours.value, ours.p, ours.df) == pytest.approx((raw.value, raw.p, raw.df))
    assert (ours.low, ours.high) == pytest.approx((raw.low, raw.high))


@pytest.mark.parametrize("interaction", [False, True])
@pytest.mark.parametrize("noise", [0.2, 1.0])
def test_false_positives_where_training_drives_everything(noise, interaction):
    """No effect of geometry: raw, ranked-partial and additive tests cry wolf, this one does not."""
    table = paper_design()
    design, controls = design_matrix(table), table[varying(table)]
    additive = np.hstack([pd.get_dummies(f) for f in (table["size"], configurations(table))])
    kwargs = {"clusters": np.zeros(108), "resamples": 1, "seed": 0}  # one cluster: no intervals
    significant = []
    for world in range(400):
        x, y = design_only(table, np.random.default_rng(world), noise, interaction=interaction)
        tests = (
            spearman(x, y, **kwargs),
            partial_spearman(x, y, controls, **kwargs),
            residual_spearman(x, y, additive, **kwargs),
            residual_spearman(x, y, design, **kwargs),
        )
        significant.append([test.p < 0.05 for test in tests])
    raw, ranked, dummies, full = np.mean(significant, axis=0)
    assert 0.02 <= full <= 0.09
    assert raw > 0.4
    assert ranked > 0.4
    assert dummies > 0.3 if interaction else dummies < 0.09


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_a_planted_association_is_found_and_covered(rho):
    """Few degrees of freedom to the row (22 to 54): the interval must know it."""
    table = paper_design().query("size in ['4M', '17M', '75M']")
    design = design_matrix(table)
    truth = 6 / np.pi * np.arcsin(rho / 2)
    results = []
    for world in range(250):
        rng = np.random.default_rng(world)
        x, y = design_only(table, rng, 0.2, interaction=True, rho=rho)
        results.append(residual(x, y, table, design, resamples=300))
    assert np.mean([r.value for r in results]) == pytest.approx(truth, abs=0.05)
    assert 0.9 <= np.mean([r.low <= truth <= r.high for r in results]) <= 0.985


def test_sign():
    table = replicated_design(3, 3)
    x, y = design_only(table, np.random.default_rng(0), 0.3, interaction=True, rho=-0.8)
    assert residual(x, y, table).value < -0.6
    assert residual(-x, y, table).value > 0.6


def test_rows_fitted_exactly_are_not_ranked():
    """A configuration at two sizes spends two parameters on two rows, whatever they hold."""
    whole = paper_design().query("seed == 0")
    lonely = (whole["weight_decay"] == 0.5) & ~whole["size"].isin(["4M", "75M"])
    table = whole[~lonely].reset_index(drop=True)
    x, y = design_only(table, np.random.default_rng(0), 0.5, interaction=False, rho=0.6)
    exact = table["weight_decay"].to_numpy() == 0.5
    before = residual(x, y, table, resamples=200)
    assert before.n == len(table) - 2
    without = table[~exact].reset_index(drop=True)
    after = residual(x[~exact], y[~exact], without, resamples=200)
    assert (before.value, before.p, before.df) == pytest.approx((after.value, after.p, after.df))

    rng = np.random.default_rng(1)
    x[exact], y[exact] = 100 * rng.standard_normal((2, 2))
    wild = residual(x, y, table, resamples=200)
    assert figures(wild) == pytest.approx(figures(before))


def test_too_few_degrees_of_freedom_is_said():
    table = paper_design().query("seed == 0 and size in ['4M', '8M']")
    x, y = np.random.default_rng(0).standard_normal((2, len(table)))
    result = residual(x, y, table)
    assert result.df == 0
    assert np.isnan([result.value, result.p, result.low, result.high]).all()
    assert result.note == "30 rows, design of rank 30: 0 degrees of freedom (< 3)"


@pytest.mark.parametrize(("n", "answered"), [(5, True), (4, False)])
def test_the_least_that_is_answered(n, answered):
    table = paper_design().head(n)
    x, y = np.random.default_rng(0).standard_normal((2, n))
    result = residual(x, y, table, design=np.ones((n, 1)))
    assert np.isfinite(result.value) == answered


def test_a_metric_fixed_by_the_design_is_undefined_and_not_rounding_noise():
    table = paper_design()
    y = np.random.default_rng(0).standard_normal(108)
    for fixed in (np.full(108, 0.1), np.log(table["params_non_embedding"]), table["batch_size"]):
        assert residual(fixed, y, table).note == "constant, or determined by the design"


def test_intervals_follow_from_the_seed_and_not_from_the_order_of_rows():
    table = paper_design()
    x, y = design_only(table, np.random.default_rng(0), 0.5, interaction=True, rho=0.3)
    first = residual(x, y, table, resamples=200, seed=1)
    order = np.random.default_rng(2).permutation(108)
    again = residual(x[order], y[order], table.iloc[order], resamples=200, seed=1)
    other = residual(x, y, table, resamples=200, seed=2)
    assert figures(first) == pytest.approx(figures(again))
    assert first.low != other.low
