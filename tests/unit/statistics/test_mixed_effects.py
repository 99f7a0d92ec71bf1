"""The mixed model, against statsmodels' formula interface."""

import numpy as np
import pytest
import statsmodels.formula.api as smf
from planted_worlds import design_only, paper_design
from statsmodels.regression.mixed_linear_model import MixedLM

from disentangle.statistics import mixed_effect
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
    assert (ours.coefficient, ours.se) == pytest.approx(expected, rel=1e-3)
    assert ours.reason == ""


def test_sign_and_units(suite):
    plain = fit(suite)
    assert plain.coefficient > 5 * plain.se
    flipped = fit(suite, x=-1e6 * suite["x"] + 3)
    assert flipped.coefficient == pytest.approx(-plain.coefficient, rel=1e-3)


def test_planted_slope_is_covered(suite):
    ours = fit(suite)
    truth = 0.5 * suite["x"].std() / suite["y"].std()
    assert abs(ours.coefficient - truth) < 3 * ours.se


def test_redundant_and_constant_controls_do_no_harm(suite):
    table = suite.assign(final_lr=0.1)
    ours = fit(table, ["tokens_budget", "batch_size", "tokens_budget", "final_lr"])
    assert ours.coefficient == pytest.approx(fit(suite).coefficient)


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
        assert (ours.coefficient, ours.se) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.query("size == '4M'"), "two sizes"),
        (lambda t: t.head(20).tail(4), "parameters"),
        (lambda t: t.assign(x=0.1), "constant"),
        (lambda t: t.assign(y=0.1), "constant"),
        (lambda t: t.assign(x=np.log(t["tokens_budget"])), "fixed by the controls"),
        (lambda t: t.assign(y=centred(t, "y"), x=centred(t, "x")), "singular"),
    ],
)
def test_what_cannot_be_fitted_is_said(suite, change, reason, recwarn):
    result = fit(change(suite))
    assert np.isnan([result.coefficient, result.se]).all()
    assert reason in result.reason
    assert not recwarn.list
