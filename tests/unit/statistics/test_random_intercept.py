"""Restricted maximum likelihood: against the likelihood written out, and against statsmodels."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from statsmodels.regression.mixed_linear_model import MixedLM

from disentangle.statistics.random_intercept import NoFitError, fit_random_intercept


def world(seed: int, *, tau: float = 1.0, groups: int = 8, rows: int = 9):
    """Rows of groups of unequal sizes, with a planted slope of 2."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rng.integers(1, 2 * rows, groups))
    X = np.column_stack([rng.standard_normal(len(group)), np.ones(len(group)), group % 3])
    y = X @ [2.0, 1.0, -1.0] + tau * rng.standard_normal(groups)[group]
    return y + 0.5 * rng.standard_normal(len(group)), X, group


def written_out(y, X, group, theta):
    """-2 log restricted likelihood at a ratio of variances, and what it gives: dense matrices."""
    V = np.eye(len(y)) + theta * (group[:, None] == group)
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    b = np.linalg.solve(information, X.T @ inverse @ y)
    free = len(y) - X.shape[1]
    sigma2 = (y - X @ b) @ inverse @ (y - X @ b) / free
    logs = free * np.log(sigma2) + np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
    return logs, b, sigma2, np.sqrt(sigma2 * np.linalg.inv(information)[0, 0])


@given(seed=st.integers(0, 10_000), tau=st.sampled_from([0.0, 0.1, 1.0, 30.0]))
def test_it_is_the_maximum_of_the_likelihood_written_out(seed, tau):
    y, X, group = world(seed, tau=tau)
    fit = fit_random_intercept(y, X, group)
    theta = fit.tau2 / fit.sigma2
    least, b, sigma2, se = written_out(y, X, group, theta)
    np.testing.assert_allclose(fit.coefficients, b, rtol=1e-8, atol=1e-10)
    assert fit.sigma2 == pytest.approx(sigma2, rel=1e-8)
    assert fit.se > se * (1 - 1e-8), "theta's uncertainty adds to it"
    for log_theta in np.linspace(-14, 14, 57):
        assert written_out(y, X, group, np.exp(log_theta))[0] > least - 1e-8


@pytest.mark.parametrize("seed", range(4))
def test_the_standard_error_is_that_of_the_joint_information(seed):
    """The inverse Hessian of the log-likelihood in all coefficients and log theta together."""
    y, X, group = world(seed, tau=0.5)
    fit = fit_random_intercept(y, X, group)
    at = np.append(fit.coefficients, np.log(fit.tau2 / fit.sigma2))
    free = len(y) - X.shape[1]

    def half_deviance(point):
        V = np.eye(len(y)) + np.exp(point[-1]) * (group[:, None] == group)
        inverse, e = np.linalg.inv(V), y - X @ point[:-1]
        logs = np.linalg.slogdet(V)[1] + np.linalg.slogdet(X.T @ inverse @ X)[1]
        return (free * np.log(e @ inverse @ e) + logs) / 2

    steps = np.eye(len(at)) * 1e-4
    second = [
        [
            half_deviance(at + a + b)
            - half_deviance(at + a - b)
            - half_deviance(at - a + b)
            + half_deviance(at - a - b)
            for b in steps
        ]
        for a in steps
    ]
    joint = np.linalg.inv(np.array(second) / 4e-8)
    assert fit.se == pytest.approx(np.sqrt(joint[0, 0]), rel=1e-4)


def test_the_ratio_is_found_to_many_digits():
    y, X, group = world(3)
    fit = fit_random_intercept(y, X, group)
    dense = minimize_scalar(
        lambda log: written_out(y, X, group, np.exp(log))[0],
        bounds=(-10, 10),
        method="bounded",
        options={"xatol": 1e-12},
    )
    assert np.log(fit.tau2 / fit.sigma2) == pytest.approx(dense.x, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_statsmodels(seed):
    y, X, group = world(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = MixedLM(y, X, groups=group).fit(reml=True, method="powell")
    fit = fit_random_intercept(y, X, group)
    np.testing.assert_allclose(fit.coefficients, reference.fe_params, rtol=1e-4)
    found = (fit.se, fit.tau2, fit.sigma2)
    expected = (reference.bse_fe[0], float(reference.cov_re[0, 0]), reference.scale)
    assert found == pytest.approx(expected, rel=2e-3)


def test_no_difference_between_groups_is_no_variance():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(6), 10)
    y = rng.standard_normal(60)
    y -= (np.bincount(group, y) / 10)[group]
    fit = fit_random_intercept(y, np.ones((60, 1)), group)
    assert fit.tau2 < 1e-7 * fit.sigma2


def test_names_and_order_of_groups_do_not_matter():
    y, X, group = world(1)
    order = np.random.default_rng(0).permutation(len(y))
    names = np.array([f"size {9 - one}" for one in group])
    one, other = (
        fit_random_intercept(y, X, group),
        fit_random_intercept(y[order], X[order], names[order]),
    )
    assert other.se == pytest.approx(one.se, rel=1e-7)
    assert other.tau2 == pytest.approx(one.tau2, rel=1e-5)


def test_what_cannot_be_fitted_is_said():
    y, X, group = world(2)
    with pytest.raises(NoFitError, match="singular"):
        fit_random_intercept(y, np.column_stack([X, X[:, 0]]), group)
    with pytest.raises(NoFitError, match="singular"):
        fit_random_intercept(np.zeros_like(y), X, group)


@given(seed=st.integers(0, 10_000), tau=st.sampled_from([0.0, 0.1, 1.0]))
def test_the_last_bits_of_the_values_do_not_move_the_fit(seed, tau):
    """Nor those of the sums within it, which depend on how a library adds."""
    y, X, group = world(seed, tau=tau)
    flips = np.random.default_rng(seed).choice([-1, 0, 1], len(y))
    fit = fit_random_intercept(y, X, group)
    again = fit_random_intercept(y + flips * np.spacing(y), X, group)
    assert again.coefficients[0] == pytest.approx(fit.coefficients[0], rel=1e-11)
    assert again.tau2 / again.sigma2 == pytest.approx(fit.tau2 / fit.sigma2, rel=2e-9)
