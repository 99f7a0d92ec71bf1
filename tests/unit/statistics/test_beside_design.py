"""What a metric explains of what the training choices leave: against refits, and over nulls."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from planted_worlds import design_only, paper_design
from scipy.stats import pearsonr

from disentangle.statistics import incremental_r2, r2_beside_design
from disentangle.statistics.design import (
    column_space,
    configurations,
    design_matrix,
    numeric_design,
    varying,
)

BOOT = {"resamples": 200, "seed": 0}
FEW = ["4M", "8M", "17M", "34M"]


def forty() -> pd.DataFrame:
    """Four sizes by ten configurations of the paper's design, no repeats."""
    table = paper_design().query("seed == 0 and size in @FEW and learning_rate <= 1")
    table = table.query("tokens_budget not in (8_000, 128_000) and final_lr == 0.1")
    return table.reset_index(drop=True)


def factorial() -> pd.DataFrame:
    """Four sizes by three batch sizes by three weight decays."""
    base = paper_design().query("size in @FEW").drop_duplicates("size")
    found = [
        base.assign(batch_size=batch, weight_decay=decay)
        for batch in (32, 128, 512)
        for decay in (0.01, 0.1, 0.5)
    ]
    table = pd.concat(found, ignore_index=True)
    return table.assign(run=[f"run{i}" for i in range(len(table))])


def confounded(
    table: pd.DataFrame, seed: int, *, curved: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Rank by batch size and weight decay alone; loss by all that there is, curved and turning."""
    rng = np.random.default_rng([11, seed])

    def z(name: str) -> np.ndarray:
        values = np.log(table[name].to_numpy(float))
        return (values - values.mean()) / (values.std() or 1)

    size, batch, decay = z("params_non_embedding"), z("batch_size"), z("weight_decay")
    by_batch, by_decay, batch_on_loss, decay_on_loss = rng.normal([1, 0.7, 0.5, -0.4], 0.3)
    rank = by_batch * batch + by_decay * decay + 0.3 * rng.standard_normal(len(table))
    loss = -size - 0.5 * z("tokens_budget") + batch_on_loss * batch + decay_on_loss * decay
    loss += curved * (0.3 * batch**2 + 0.3 * size * decay) + 0.2 * rng.standard_normal(len(table))
    return rank, loss


def gain(table, x, y):
    return r2_beside_design(y, x, design_matrix(table))


def test_equals_adjusted_r2_of_nested_fits():
    table = paper_design()
    x, y = design_only(table, np.random.default_rng(0), 0.5, interaction=True, rho=0.5)
    design = column_space(design_matrix(table))
    base, full = sm.OLS(y, design).fit(), sm.OLS(y, np.column_stack([design, x])).fit()
    found = gain(table, x, y)
    # of residual variances, each with its own degrees of freedom
    assert found.value == pytest.approx(1 - full.mse_resid / base.mse_resid)
    assert full.df_resid == 73
    assert found.low < found.value < found.high


def test_the_interval_is_fishers():
    x, y = np.random.default_rng(1).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 40).T
    ends = pearsonr(x, y).confidence_interval(0.95)
    found = r2_beside_design(y, x, np.ones((40, 1)))
    assert (found.low, found.high) == pytest.approx((ends.low**2, ends.high**2))
    far = r2_beside_design(y, np.random.default_rng(2).standard_normal(40), np.ones((40, 1)))
    assert far.low == 0 and far.high < 0.3


def test_an_exact_fit_is_all_of_it():
    table = paper_design()
    x, _ = design_only(table, np.random.default_rng(0), 0.5, interaction=True)
    found = gain(table, x, 3 - x)
    assert found.value == pytest.approx(1) and found.low > 0.99


def test_units_signs_and_the_order_of_rows_do_not_matter():
    table = paper_design()
    x, y = design_only(table, np.random.default_rng(0), 0.5, interaction=True, rho=0.5)
    a, b = gain(table, x, y), gain(table, 1e5 * x + 7, 5 - 3 * y)
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))
    order = np.random.default_rng(0).permutation(108)
    c = gain(table.iloc[order], x[order], y[order])
    assert (a.value, a.low, a.high) == pytest.approx((c.value, c.low, c.high))


@pytest.mark.parametrize("suite", [forty, factorial, paper_design])
def test_a_stand_in_for_training_choices_gains_nothing(suite):
    """Of 400 confounded nulls at most 7 of 100 are called a gain."""
    table = suite()
    found = [gain(table, *confounded(table, seed)) for seed in range(400)]
    assert np.mean([one.low > 0 for one in found]) <= 0.07
    assert np.mean([one.low >= 0.09 for one in found]) <= 0.03, "claim 3 would fail"


def test_the_same_nulls_pass_for_gains_beside_logs_of_the_choices():
    """The power to see it: weight decay enters as it is, and rank stands for its logarithm."""
    table = factorial()
    baseline, groups = numeric_design(table, varying(table)), configurations(table)
    found = []
    for seed in range(100):
        rank, loss = confounded(table, seed, curved=False)
        found.append(incremental_r2(loss, rank, baseline, groups, **BOOT).low > 0)
    assert np.mean(found) > 0.3


def test_a_real_association_is_found():
    table = forty()
    found = [
        gain(table, *design_only(table, np.random.default_rng(s), 0.3, interaction=True, rho=0.9))
        for s in range(40)
    ]
    assert np.mean([one.low > 0 for one in found]) > 0.9
    assert np.median([one.value for one in found]) == pytest.approx(0.9**2, abs=0.1)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_intervals_hold_the_truth(rho):
    table = forty()
    found = [
        gain(table, *design_only(table, np.random.default_rng(s), 0.3, interaction=True, rho=rho))
        for s in range(400)
    ]
    assert 0.92 <= np.mean([one.low <= rho**2 <= one.high for one in found]) <= 0.99


@pytest.mark.parametrize(
    ("rows", "reason"),
    [("size == '4M' and seed == 0", "0 degrees of freedom"), ("seed == 9", "0 rows")],
)
def test_too_little_left_says_so(rows, reason):
    table = paper_design().query(rows).reset_index(drop=True)
    x, y = np.random.default_rng(0).standard_normal((2, len(table)))
    found = gain(table, x, y)
    assert np.isnan([found.value, found.low, found.high]).all() and reason in found.note


def test_what_the_design_fixes_adds_nothing_to_ask_about():
    table = paper_design()
    y = np.random.default_rng(0).standard_normal(108)
    for fixed in (np.ones(108), np.log(table["batch_size"].to_numpy())):
        assert "determined by the design" in gain(table, fixed, y).note
        assert "determined by the design" in gain(table, y, fixed).note
