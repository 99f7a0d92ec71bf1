"""The mixed model, against statsmodels' formula interface."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from planted_worlds import design_only, paper_design
from statsmodels.regression.mixed_linear_model import MixedLM

from disentangle.statistics import mixed_effect, mixed_effect_by_run
from disentangle.statistics.design import numeric_design

CONTROLS = ["tokens_budget", "batch_size"]


@pytest.fixture
def suite():
    table = paper_design()
    rng = np.random.default_rng(0)
    offset = dict(zip(table["size"].unique(), rng.standard_normal(6), strict=True))
    x = rng.standard_normal(108)
    y = 0.5 * x + table["size"].map(offset) + 0.3 * rng.standard_normal(108)
    return table.assign(x=x, y=y - 0.2 * np.log(table["tokens_budget"]))


def centred(table, name):
    """With no difference between sizes left, there is no variance to estimate."""
    return table[name] - table.groupby("size")[name].transform("mean")


def fit(table, controls=CONTROLS, **changes):
    table = table.assign(**changes)
    return mixed_effect(table["y"], table["x"], numeric_design(table, controls), table["size"])


def test_equals_the_formula_interface(suite):
    standardised = suite.assign(**{c: (suite[c] - suite[c].mean()) / suite[c].std() for c in "xy"})
    reference = smf.mixedlm(
        "y ~ x + np.log(tokens_budget) + np.log(batch_size)", standardised, groups="size"
    ).fit()
    ours = fit(suite)
    expected = (reference.params["x"], reference.bse["x"])
    assert (ours.value, ours.se) == pytest.approx(expected, rel=1e-3)
    assert ours.note == ""


def test_sign_and_units(suite):
    plain = fit(suite)
    assert plain.value > 5 * plain.se
    flipped = fit(suite, x=-1e6 * suite["x"] + 3)
    assert flipped.value == pytest.approx(-plain.value, rel=1e-3)


def test_planted_slope_is_covered(suite):
    ours = fit(suite)
    truth = 0.5 * suite["x"].std() / suite["y"].std()
    assert abs(ours.value - truth) < 3 * ours.se


def test_redundant_and_constant_controls_do_no_harm(suite):
    table = suite.assign(final_lr=0.1)
    ours = fit(table, ["tokens_budget", "batch_size", "tokens_budget", "final_lr"])
    assert ours.value == pytest.approx(fit(suite).value)


@pytest.mark.filterwarnings("ignore:The MLE may be on the boundary")
def test_a_small_variance_between_sizes_is_not_taken_for_none():
    """Gradient steps overshoot to zero variance here; the simplex method does not."""
    table = paper_design()
    names = ["tokens_budget", "batch_size", "weight_decay", "learning_rate", "final_lr"]
    controls = numeric_design(table, names)
    for world in (0, 2, 3):
        rng = np.random.default_rng(world)
        x, y = design_only(table, rng, 0.5, interaction=True, rho=0.5)
        exog = np.column_stack([np.ones(108), (x - x.mean()) / x.std(), controls])
        model = MixedLM((y - y.mean()) / y.std(), exog, groups=table["size"])
        reference = model.fit(method="nm")
        ours = mixed_effect(y, x, controls, table["size"])
        expected = (reference.fe_params[1], reference.bse_fe[1])
        assert (ours.value, ours.se) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.query("size == '4M'"), "two sizes"),
        (lambda t: t.head(20).tail(4), "parameters"),
        (lambda t: t.assign(x=0.1), "constant"),
        (lambda t: t.assign(y=0.1), "constant"),
        (lambda t: t.assign(x=np.log(t["tokens_budget"])), "determined by the controls"),
        (lambda t: t.assign(y=centred(t, "y"), x=centred(t, "x")), "singular"),
    ],
)
def test_what_cannot_be_fitted_is_said(suite, change, reason, recwarn):
    result = fit(change(suite))
    assert np.isnan([result.value, result.se]).all()
    assert reason in result.note
    assert not recwarn.list


RUNS, STEPS = 40, 6


def trajectories(seed=0, slope=0.5, between=-1.0, memory=0.0):
    """Runs whose metric and outcome go together by `slope` as they train, by `between` as they
    differ, along a curved trend that all share; noise remembers `memory` of the last checkpoint.
    """
    rng = np.random.default_rng(seed)
    level = rng.standard_normal(RUNS)
    t = np.log(np.logspace(3, 6, STEPS))

    def noise():
        e = rng.standard_normal((RUNS, STEPS))
        for k in range(1, STEPS):
            e[:, k] = memory * e[:, k - 1] + np.sqrt(1 - memory**2) * e[:, k]
        return e

    own = noise()
    trend = (t - t.mean()) / t.std()
    x = 3 * level[:, None] + own + trend + 0.5 * trend**2
    y = 3 * between * level[:, None] + slope * own + 0.5 * noise() - trend + 0.3 * trend**2
    run = np.repeat(np.arange(RUNS), STEPS)
    tokens = np.tile(np.exp(t), RUNS)
    return pd.DataFrame({"run": run, "tokens": tokens, "x": x.ravel(), "y": y.ravel()})


def by_run(table):
    nothing = np.empty((len(table), 0))
    return mixed_effect_by_run(table["y"], table["x"], table["tokens"], nothing, table["run"])


def test_within_runs_is_what_demeaned_least_squares_gives():
    """Where all runs have the same steps, the run's mean makes random intercepts fixed ones."""
    table = trajectories()
    z = table.assign(t=np.log(table["tokens"]))
    z["t2"] = z["t"] ** 2
    for name in "xy":
        z[name] = (z[name] - z[name].mean()) / z[name].std(ddof=0)
    left = z - z.groupby("run").transform("mean").reindex(columns=z.columns, fill_value=0)
    reference = sm.OLS(left["y"], left[["x", "t", "t2"]]).fit(
        cov_type="cluster", cov_kwds={"groups": table["run"], "use_correction": False}
    )
    ours = by_run(table)
    assert ours.value == pytest.approx(reference.params["x"], rel=1e-4)
    grown = np.sqrt(RUNS / (RUNS - 1))
    assert ours.se == pytest.approx(reference.bse["x"] * grown, rel=1e-3)


def test_the_error_is_the_sandwich_written_out():
    """Runs of different lengths, with the covariance of all rows as one matrix."""
    table = trajectories()
    table = table[np.random.default_rng(0).random(len(table)) < 0.7].reset_index(drop=True)
    z, y = ((table[name] - table[name].mean()) / table[name].std(ddof=0) for name in "xy")
    t = np.log(table["tokens"])
    t -= t.mean()
    X = np.column_stack([z, np.ones(len(t)), z.groupby(table["run"]).transform("mean"), t, t**2])
    reference = MixedLM(y, X, groups=table["run"]).fit(reml=True, method="powell")
    same_run = (table["run"].to_numpy()[:, None] == table["run"].to_numpy()[None, :]).astype(float)
    inverse = np.linalg.inv(
        reference.scale * np.eye(len(t)) + float(np.squeeze(reference.cov_re)) * same_run
    )
    bread = np.linalg.inv(X.T @ inverse @ X)
    e = (y - X @ reference.fe_params).to_numpy()
    meat = X.T @ inverse @ (same_run * np.outer(e, e)) @ inverse @ X
    variance = (bread @ meat @ bread)[0, 0] * RUNS / (RUNS - 1)
    ours = by_run(table)
    assert ours.value == pytest.approx(reference.fe_params.iloc[0], rel=1e-3)
    assert ours.se == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_what_differs_between_runs_is_not_what_goes_along_them():
    table = trajectories(slope=0.5, between=-1)
    ours = by_run(table)
    assert np.corrcoef(table["x"], table["y"])[0, 1] < -0.5
    truth = 0.5 * table["x"].std() / table["y"].std()
    assert abs(ours.value - truth) < 3 * ours.se
    assert ours.value > 5 * ours.se


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_no_association_along_runs_is_found_one_time_in_twenty(memory):
    found = [by_run(trajectories(seed, slope=0, memory=memory)) for seed in range(120)]
    wrong = np.mean([abs(one.value) > 1.96 * one.se for one in found])
    assert 0.005 < wrong < 0.12


def test_runs_that_say_nothing_along_themselves_say_so():
    table = trajectories()
    assert "9 runs" in by_run(table.query("run < 9")).note
    assert "one checkpoint" in by_run(table.groupby("run", as_index=False).last()).note
    assert "constant" in by_run(table.assign(y=1.0)).note
    assert (
        "determined by run" in by_run(table.assign(x=table["run"] + np.log(table["tokens"]))).note
    )
