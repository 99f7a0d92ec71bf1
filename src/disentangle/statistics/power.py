"""What a sample can decide, known before looking at it."""

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
        return "nothing can be tested, so this sample decides nothing"
    found = f"|rho| >= {rho:.2f} is found with 80 % power at the 5 % level"
    if rho > LARGE:
        return f"only {found}, so a null result decides nothing"
    return found


def power_statement(n: int, residual_df: int) -> str:
    """A sentence on what n runs, and the degrees of freedom their design leaves, can decide."""
    return (
        f"With n = {n}, of the raw rank correlation {_verdict(n - 2)}; "
        f"given the design ({residual_df} residual degrees of freedom), {_verdict(residual_df)}."
    )
