"""Within cells: exact, and blind to training. Clustered slopes: those of statsmodels."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from planted_worlds import design_only, paper_design, replicated_design
from scipy.stats import kstest, rankdata, spearmanr

from disentangle.statistics import clustered_slope, within_spearman
from disentangle.statistics.design import cells, column_space, design_matrix

CELLS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3])


def test_rho_is_that_of_deviations_and_p_that_of_all_rearrangements() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 9)) + 10 * CELLS
    found = within_spearman(x, y, CELLS, permutations=99, seed=0)
    repeated = CELLS < 3
    frame = pd.DataFrame({"x": x, "y": y})[repeated]
    left = frame - frame.groupby(CELLS[repeated]).transform("mean")
    rho = spearmanr(left["x"], left["y"]).statistic
    assert (found.value, found.n, found.df) == pytest.approx((rho, 8, 5))
    a, b = rankdata(left["x"]), rankdata(left["y"])
    strong = []
    for orders in product(permutations(range(3)), permutations(range(3, 6)), permutations((6, 7))):
        order = [i for part in orders for i in part]
        strong.append(abs(np.corrcoef(a, b[order])[0, 1]) >= abs(rho) - 1e-9)
    assert len(strong) == 72
    assert found.p == pytest.approx(np.mean(strong))


def test_training_is_not_seen_whatever_it_does() -> None:
    table = replicated_design(3, 3)
    cell = cells(table)
    x, y = np.random.default_rng(1).standard_normal((2, len(table)))
    plain = within_spearman(x, y, cell, permutations=199, seed=0)
    wild = np.random.default_rng(2).standard_normal((2, cell.max() + 1)) * 50
    driven = within_spearman(x + wild[0][cell], y + wild[1][cell], cell, permutations=199, seed=0)
    assert (driven.value, driven.p) == pytest.approx((plain.value, plain.p))


def test_p_is_uniform_without_association() -> None:
    cell = np.repeat(np.arange(6), 4)
    rng = np.random.default_rng(3)
    p = [
        within_spearman(*rng.standard_normal((2, 24)), cell, permutations=199, seed=study).p
        for study in range(600)
    ]
    assert kstest(p, "uniform").pvalue > 0.01


def test_the_observed_order_counts_among_the_random_ones() -> None:
    x = np.random.default_rng(0).standard_normal(24)
    found = within_spearman(x, x, np.repeat(np.arange(6), 4), permutations=199, seed=0)
    assert found.p == pytest.approx(1 / 200)


def test_a_planted_association_is_found_with_its_sign() -> None:
    table = replicated_design(3, 4)
    x, y = design_only(table, np.random.default_rng(0), 0.3, interaction=True, rho=-0.6)
    found = within_spearman(x, y, cells(table), permutations=999, seed=0)
    assert found.p < 0.01
    assert found.low < -0.582 < found.high < 0
    turned = within_spearman(-x, y, cells(table), permutations=999, seed=0)
    assert turned.value == pytest.approx(-found.value)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (np.arange(6), "no cell is repeated"),
        (np.array([0, 0, 1, 1, 2, 3]), "cannot reach p = 0.05"),
    ],
)
def test_too_few_repeats_say_so(cell: np.ndarray, reason: str) -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 6))
    found = within_spearman(x, y, cell, permutations=99, seed=0)
    assert np.isnan(found.value) and reason in found.note


def test_a_metric_that_seeds_do_not_change_is_undefined() -> None:
    table = replicated_design(3, 3)
    x = 0.1 * cells(table)
    y = np.random.default_rng(0).standard_normal(len(table))
    found = within_spearman(x, y, cells(table), permutations=99, seed=0)
    assert found.note == "constant within cells"


def test_clustered_slopes_are_those_of_statsmodels() -> None:
    table = replicated_design(3, 3)
    x, y = design_only(table, np.random.default_rng(0), 0.5, interaction=True, rho=0.4)
    basis, cell = column_space(design_matrix(table)), cells(table)
    x_z, y_z = ((v - v.mean()) / v.std() for v in (x, y))
    fit = sm.OLS(y_z, np.column_stack([x_z, basis])).fit(
        cov_type="cluster", cov_kwds={"groups": cell}, use_t=True
    )
    ours = clustered_slope(y, x, design_matrix(table), cell)
    assert (ours.value, ours.se) == pytest.approx((fit.params[0], fit.bse[0]))
    assert cell.max() + 1 - 1 < len(table) - basis.shape[1] - 1  # so that both take G - 1
    assert (ours.p, ours.low, ours.high) == pytest.approx((fit.pvalues[0], *fit.conf_int()[0]))


def test_one_run_a_cell_spends_the_design() -> None:
    table = paper_design().query("seed == 0").reset_index(drop=True)
    x, y = np.random.default_rng(0).standard_normal((2, len(table)))
    ours = clustered_slope(y, x, design_matrix(table), cells(table))
    df = len(table) - column_space(design_matrix(table)).shape[1] - 1
    assert df < cells(table).max()
    from scipy.stats import t

    assert ours.p == pytest.approx(2 * t.sf(abs(ours.value) / ours.se, df))
    few = clustered_slope(y[:5], x[:5], np.eye(5), np.arange(5))
    assert np.isnan(few.value) and few.note
