"""What n can decide."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from disentangle.statistics import detectable_rho, power_statement


@pytest.mark.parametrize("n", [18, 108])
def test_power_at_the_detectable_rho_is_eighty_percent(n):
    spearman = detectable_rho(n - 2)
    pearson = 2 * np.sin(np.pi * spearman / 6)
    rng = np.random.default_rng(0)
    x, e = rng.standard_normal((2, 1500, n))
    y = pearson * x + np.sqrt(1 - pearson**2) * e
    p = [spearmanr(a, b).pvalue for a, b in zip(x, y, strict=True)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.8, abs=0.05)


def test_more_freedom_finds_less():
    found = [detectable_rho(df) for df in (2, 4, 16, 73, 106)]
    assert found == sorted(found, reverse=True)
    # tanh(2.8016 sqrt(1.06 / (df - 1))) by hand
    assert found[1:3] == pytest.approx([0.9309, 0.6320], abs=2e-4)


@pytest.mark.parametrize("df", [-1, 0, 1])
def test_nothing_can_be_found_from_nothing(df):
    assert np.isnan(detectable_rho(df))


def test_the_sentence():
    enough = power_statement(108, 73)
    assert "|rho| >= 0.27" in enough
    assert "73 residual degrees of freedom" in enough
    assert "uninformative" not in enough
    assert power_statement(18, 4).count("a null result is uninformative") == 2
    assert "too few degrees of freedom" in power_statement(4, 0)
