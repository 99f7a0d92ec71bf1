"""The power of a sample of given size, known before looking at the data."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

LEVEL = 0.05
POWER = 0.80
LARGE = 0.5  # Cohen (1988, p. 80): a large correlation


def detectable_rho(df: int) -> float:
    """The smallest |rho| that a test with `df` degrees of freedom finds with 80 % power at 5 %.

    tanh((z_.975 + z_.80) sqrt(1.06 / (df - 1))): Fisher's z of a rank correlation has the variance
    1.06 / (n - 3) (Fieller, Hartley & Pearson 1957), and n - 2 = df of a raw correlation. An
    approximation, good for |rho| < 0.8 and n >= 10. NaN below two degrees of freedom.
    """
    if df < 2:
        return float("nan")
    z = norm.ppf(1 - LEVEL / 2) + norm.ppf(POWER)
    return float(np.tanh(z * np.sqrt(1.06 / (df - 1))))


def _verdict(df: int) -> str:
    rho = detectable_rho(df)
    if np.isnan(rho):
        return "there are too few degrees of freedom for a test"
    found = f"|rho| >= {rho:.2f} with 80 % power at the 5 % level"
    if rho > LARGE:
        return f"a test detects only {found}, so a null result is uninformative"
    return f"a test detects {found}"


def power_statement(n: int, residual_df: int) -> str:
    """A sentence on what n runs can detect, given the degrees of freedom their design leaves."""
    return (
        f"For the raw rank correlation (n = {n}), {_verdict(n - 2)}. "
        f"Given the design ({residual_df} residual degrees of freedom), {_verdict(residual_df)}."
    )
