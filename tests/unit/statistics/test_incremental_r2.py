"""Held-out R^2 by configuration, against scikit-learn, and the leak it must not have."""

import numpy as np
import pytest
from planted_worlds import design_only, paper_design, replicated_design
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from disentangle.statistics import increment as module
from disentangle.statistics import incremental_r2
from disentangle.statistics.design import configurations
from disentangle.statistics.increment import (
    NotEnoughError,
    cross_validate,
    scale_baseline,
)

BOOT = {"resamples": 300, "seed": 0}


@pytest.fixture
def suite():
    table = paper_design()
    x, y = design_only(table, np.random.default_rng(0), 0.5, interaction=True, rho=0.5)
    scale = scale_baseline(table)
    # loss falls with size, so that the baseline predicts it
    return x, y - 2 * scale[:, 0], scale, configurations(table)


def test_baseline_is_the_logs_of_size_compute_and_tokens():
    table = paper_design().head(1)
    n, d = table["params_non_embedding"].item(), table["tokens_budget"].item()
    assert scale_baseline(table)[0] == pytest.approx([np.log(n), np.log(6 * n * d), np.log(d)])


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_equals_scikit_learn(suite, unit):
    x, y, baseline, groups = suite
    ours = cross_validate(y, unit * x, baseline, groups)
    full = np.column_stack([baseline, x])
    for model, features in zip(ours, (baseline, full), strict=True):
        pipeline = make_pipeline(StandardScaler(), LinearRegression())
        folds = {"cv": GroupKFold(5), "groups": groups}
        predicted = cross_val_predict(pipeline, features, y, **folds)
        assert model.r2 == pytest.approx(r2_score(y, predicted))
        scores = cross_val_score(pipeline, features, y, scoring="r2", **folds)
        assert [fold.r2 for fold in model.folds] == pytest.approx(list(scores))
        assert sum(fold.n_test for fold in model.folds) == 108
        assert all(fold.n_train + fold.n_test == 108 for fold in model.folds)
    increment = incremental_r2(y, x, baseline, groups, **BOOT)
    assert increment.value == pytest.approx(ours[1].r2 - ours[0].r2)


def test_a_metric_that_holds_what_the_baseline_lacks_adds_r2():
    table = paper_design()
    rng = np.random.default_rng(0)
    metric = rng.standard_normal(108)
    scale = scale_baseline(table)
    y = -scale[:, 0] + metric + 0.2 * rng.standard_normal(108)
    found = incremental_r2(y, metric, scale, configurations(table), **BOOT)
    assert 0.2 < found.low < found.value < found.high
    noise = incremental_r2(y, rng.standard_normal(108), scale, configurations(table), **BOOT)
    assert noise.value < 0.02


def gain_of_an_identifier(worlds=40):
    """Mean delta of a number drawn for each configuration, in a world of configuration effects."""
    table = replicated_design(2, 4).query("batch_size >= 128 and weight_decay == 0.1")
    table = table.query("learning_rate == 1 and final_lr == 0.1")
    groups, baseline = configurations(table), scale_baseline(table)
    deltas = []
    for world in range(worlds):
        rng = np.random.default_rng(world)
        effect, identifier = rng.standard_normal((2, groups.max() + 1))
        y = effect[groups] + 0.1 * rng.standard_normal(len(table))
        # with the scale held fixed, what a fold can leak is the configuration only
        constant = np.zeros_like(baseline)
        deltas.append(
            incremental_r2(y, identifier[groups], constant, groups, resamples=1, seed=0).value
        )
    return np.mean(deltas)


def test_a_name_of_the_configuration_does_not_help():
    assert gain_of_an_identifier() < 0


def test_a_leak_would_be_seen(monkeypatch):
    """The test above has the power to see folds that split a configuration."""

    class Leaky(KFold):
        def __init__(self, n_splits):
            super().__init__(n_splits, shuffle=True, random_state=0)

        def split(self, features, outcome, groups):
            return super().split(features)

    monkeypatch.setattr(module, "GroupKFold", Leaky)
    assert gain_of_an_identifier() > 0.1


def test_scaling_and_coefficients_come_from_training_rows(suite, monkeypatch):
    """What is predicted for a fold does not change with that fold's own outcomes."""
    x, y, baseline, groups = suite
    seen = []
    predict = module._predict

    def spy(train, outcome, test):
        seen.append(len(train) + len(test))
        return predict(train, outcome, test)

    monkeypatch.setattr(module, "_predict", spy)
    _, before = cross_validate(y, x, baseline, groups)
    assert set(seen) == {108}
    first = next(GroupKFold(5).split(x, y, groups))[1]
    shifted = y.copy()
    shifted[first] += 1000
    _, after = cross_validate(shifted, x, baseline, groups)
    errors = np.sqrt(after.squared_errors[first])
    signed = np.sqrt(before.squared_errors[first])
    assert np.abs(errors - 1000) == pytest.approx(signed, abs=1e-6)


def test_units_of_metric_and_outcome_do_not_matter(suite):
    x, y, baseline, groups = suite
    a = incremental_r2(y, x, baseline, groups, **BOOT)
    b = incremental_r2(5 - 3 * y, 1e5 * x + 7, baseline, groups, **BOOT)
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def test_the_order_of_rows_does_not_matter(suite):
    x, y, baseline, groups = suite
    order = np.random.default_rng(0).permutation(108)
    a = incremental_r2(y, x, baseline, groups, **BOOT)
    b = incremental_r2(y[order], x[order], baseline[order], groups[order], **BOOT)
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def test_the_interval_is_that_of_whole_configurations(suite):
    """Copies of every row add nothing: the interval stays as wide."""
    x, y, baseline, groups = suite
    once = incremental_r2(y, x, baseline, groups, **BOOT)
    thrice = incremental_r2(
        *(np.repeat(values, 3, axis=0) for values in (y, x, baseline, groups)), **BOOT
    )
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize(
    ("rows", "groups", "reason"),
    [(20, 2, "2 configurations"), (4, 4, "4 rows are too few"), (6, 3, "6 rows are too few")],
)
def test_too_little_to_hold_out(rows, groups, reason):
    rng = np.random.default_rng(0)
    label = np.arange(rows) % groups
    y, x, baseline = rng.standard_normal(rows), rng.standard_normal(rows), np.ones((rows, 3))
    result = incremental_r2(y, x, baseline, label, **BOOT)
    assert np.isnan([result.value, result.low, result.high]).all()
    assert reason in result.note
    with pytest.raises(NotEnoughError):
        cross_validate(y, x, baseline, label)


def test_few_configurations_make_fewer_folds():
    rng = np.random.default_rng(0)
    label = np.arange(24) % 4
    base, _ = cross_validate(*rng.standard_normal((2, 24)), np.ones((24, 3)), label)
    assert len(base.folds) == 4


def test_a_constant_metric_adds_nothing_and_a_constant_outcome_is_no_question(suite):
    x, y, baseline, groups = suite
    same = incremental_r2(y, np.full(108, 0.1), baseline, groups, **BOOT)
    assert same.value == pytest.approx(0, abs=1e-12)
    assert incremental_r2(np.full(108, 0.1), x, baseline, groups, **BOOT).note == "constant outcome"


def with_outcome(y, x=None):
    """What a metric, by default noise, adds to the paper's baseline of an outcome."""
    table = paper_design()
    scale = scale_baseline(table)
    if x is None:
        x = np.random.default_rng(1).standard_normal(len(table))
    y = y(table) + 0.1 * np.random.default_rng(2).standard_normal(len(table))
    return incremental_r2(y, x, scale, configurations(table), **BOOT)


def test_a_baseline_that_does_not_predict_decides_nothing():
    decay = with_outcome(lambda table: np.log(table["weight_decay"].to_numpy()))
    assert np.isfinite(decay.value)
    assert np.isnan([decay.low, decay.high]).all()
    assert "the baseline predicts no better than the mean" in decay.note
    size = with_outcome(lambda table: -np.log(table["params_non_embedding"].to_numpy()))
    assert size.note == "" and size.low <= size.value <= size.high


def test_a_fit_that_extrapolates_decides_nothing():
    table = paper_design()
    # the metric is flat but for one configuration, where it is a hundred times what it was
    fast = (table["learning_rate"] == 10).to_numpy()
    x = np.random.default_rng(0).standard_normal(108) + 300 * fast
    found = with_outcome(lambda table: -np.log(table["params_non_embedding"].to_numpy()), x)
    assert found.value < 0, "which is no evidence that the metric adds nothing"
    assert np.isnan([found.low, found.high]).all()
    assert "the fit with the metric extrapolates" in found.note
