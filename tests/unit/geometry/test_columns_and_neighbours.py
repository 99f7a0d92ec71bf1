"""Outlier dimensions and intrinsic dimension: closed forms, planted truths, other libraries."""

import math

import numpy as np
import pytest
import skdim
import torch
from scipy.stats import kurtosis

from disentangle.geometry.centering import center
from disentangle.geometry.columns import column_kurtosis, outlier_ratio
from disentangle.geometry.power_law import alpha_req
from disentangle.geometry.two_nn import MOST, two_nn


def test_kurtosis_is_scipys(generator: torch.Generator) -> None:
    X = torch.randn(500, 6, generator=generator, dtype=torch.float64) + 3
    X[:, 2] = X[:, 2] ** 3
    expected = kurtosis(X.numpy(), fisher=False).max()
    for scale in (1.0, 1e-100, 1e100):
        assert column_kurtosis(center(scale * X)) == pytest.approx(expected, rel=1e-9)
    X[:, 4] = 7.0
    assert column_kurtosis(center(X)) == pytest.approx(expected, rel=1e-9)
    assert math.isnan(column_kurtosis(center(torch.ones(5, 3))))


def test_an_outlier_dimension_stands_out() -> None:
    X = torch.ones(10, 5) * torch.tensor([1.0, -2.0, 3.0, -60.0, 0.5])
    assert outlier_ratio(X, X.mean(0).double()) == pytest.approx(30)
    assert outlier_ratio(-X, -X.mean(0).double()) == pytest.approx(30)
    flat = torch.eye(3, dtype=torch.float64) - 1 / 3
    assert math.isnan(outlier_ratio(flat, flat.mean(0)))


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_the_dimension_of_a_plane_is_found(dimension: int, generator: torch.Generator) -> None:
    points = torch.rand(3000, dimension, generator=generator, dtype=torch.float64)
    into = torch.linalg.qr(torch.randn(20, 20, generator=generator, dtype=torch.float64)).Q
    X = points @ into[:dimension]
    found = two_nn(X)
    assert found == pytest.approx(dimension, rel=0.1)
    # theirs fits a line to the same ratios, through the origin
    theirs = skdim.id.TwoNN(discard_fraction=0.1).fit_transform(X.numpy())
    assert found == pytest.approx(theirs, rel=0.1)
    assert two_nn(5 * X @ into + 7) == pytest.approx(found, rel=1e-6)


def test_ratios_are_those_of_all_distances(generator: torch.Generator) -> None:
    X = torch.randn(700, 4, generator=generator, dtype=torch.float64)
    distances = np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)
    expected = 700 / np.log(distances[:, 2] / distances[:, 1]).sum()
    assert two_nn(X) == pytest.approx(expected, rel=1e-9)
    assert two_nn(torch.cat([X, X[:100]])) == pytest.approx(expected, rel=1e-9)


def test_few_and_many_rows_have_no_dimension() -> None:
    assert math.isnan(two_nn(torch.randn(19, 3)))
    assert math.isnan(two_nn(torch.randn(MOST + 1, 2)))
    assert math.isnan(two_nn(torch.ones(100, 2)))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.3])
def test_a_planted_decay_is_found(exponent: float) -> None:
    sigma = np.arange(1, 201) ** (-exponent / 2)
    assert alpha_req(sigma) == pytest.approx(exponent, rel=1e-12)
    sigma[:5] *= 30  # the first follow no power law
    assert alpha_req(sigma) == pytest.approx(exponent, rel=1e-12)
    assert math.isnan(alpha_req(sigma[:49]))


def test_the_decay_is_the_weighted_fit_of_numpy() -> None:
    sigma = np.sort(np.random.default_rng(0).gamma(2, size=120))[::-1]
    j = np.arange(11, 121)
    slope, _ = np.polyfit(np.log(j), np.log(sigma[10:] ** 2), 1, w=np.sqrt(1 / j))
    assert alpha_req(sigma) == pytest.approx(-slope, rel=1e-9)
