"""The effect of one training choice, all else equal: slopes, U-shapes, changes with size."""

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from disentangle.statistics.bootstrap import CONFIDENCE, Floats
from disentangle.statistics.design import column_space, hyperparameters
from disentangle.statistics.estimate import Estimate
from disentangle.tables.passages import Passages, places

# A contrast with a larger component outside the row space of the design is not estimable.
NOT_ESTIMABLE = 1e-6


def _spell(choice: str) -> str:
    return choice.replace("_", " ")


def scale(values: Floats) -> Floats:
    """The choice on the scale on which it is varied: log2 if it is never zero, else unchanged."""
    return np.asarray(np.log2(values) if (values > 0).all() else values)


def all_else_equal(runs: pd.DataFrame, choice: str, along: str | None = None) -> pd.DataFrame:
    """Runs for which another run of the same size differs only in this choice (and the seed).

    `along`: a choice that the design varies together with this one, such as batch size with the
    budget. If it has several values at one value of the choice, the most common is kept.

    Returns:
        Those rows, with a column `stratum`: the number of the group that is equal in all else.
    """
    others = ["size", *(name for name in hyperparameters(runs) if name not in (choice, along))]
    stratum = runs.groupby(others, dropna=False, sort=True).ngroup()
    rows = runs.assign(stratum=stratum)
    if along:
        usual = rows.groupby(["stratum", choice])[along].transform(lambda values: values.mode()[0])
        rows = rows[rows[along] == usual]
    values = rows.groupby("stratum")[choice].transform("nunique")
    return rows[values > 1]


def _contrast(design: Floats, y: Floats, contrast: Floats) -> Estimate:
    """Ordinary least squares: c'b with its t interval; NaN if it is not estimable."""
    n = len(y)
    rank = column_space(design).shape[1]
    inverse = np.linalg.pinv(design)
    beyond = contrast - contrast @ inverse @ design
    if np.abs(beyond).max() > NOT_ESTIMABLE:
        return Estimate.unknown("the choice has too few values", n)
    df = n - rank
    if df < 1:
        return Estimate.unknown("as many coefficients as runs", n)
    coefficients = inverse @ y
    residual = y - design @ coefficients
    direction = contrast @ inverse
    se = float(np.sqrt(residual @ residual / df * (direction @ direction)))
    value = float(contrast @ coefficients)
    reach = float(student_t.ppf((1 + CONFIDENCE) / 2, df)) * se
    p = float(2 * student_t.sf(abs(value) / se, df)) if se > 0 else float("nan")
    return Estimate(value, value - reach, value + reach, n, p=p)


def _strata(rows: pd.DataFrame) -> Floats:
    return pd.get_dummies(rows["stratum"]).to_numpy(np.float64)


def _complete(runs: pd.DataFrame, choice: str, outcome: str, along: str | None) -> pd.DataFrame:
    return all_else_equal(runs[runs[outcome].notna()], choice, along)


def slope(runs: pd.DataFrame, choice: str, outcome: str, along: str | None = None) -> Estimate:
    """b of  outcome = stratum + b scale(choice) + e: per doubling, or per unit if it may be zero.

    A stratum is a set of runs with the same size and the same other hyperparameters. There is one
    slope for all sizes; differences between sizes go into e and widen the interval.
    """
    rows = _complete(runs, choice, outcome, along)
    if rows.empty:
        return Estimate.unknown(f"no runs differ in {_spell(choice)} alone")
    design, contrast = _of_slope(rows, choice)
    return _contrast(design, rows[outcome].to_numpy(np.float64), contrast)


def error_by_passages(
    runs: pd.DataFrame, choice: str, outcome: str, along: str | None, passages: Passages
) -> float:
    """The part of a slope's standard error that is due to the finite number of passages.

    The slope is a weighted sum of the runs' losses, so its error is taken passage by passage. NaN
    if the losses of single passages are not known, or there is no slope.
    """
    rows = _complete(runs, choice, outcome, along)
    if rows.empty or not passages.has(outcome):
        return float("nan")
    design, contrast = _of_slope(rows, choice)
    weights = contrast @ np.linalg.pinv(design)
    return passages.error(outcome, dict(zip(places(rows), map(float, weights), strict=True)))


def _of_slope(rows: pd.DataFrame, choice: str) -> tuple[Floats, Floats]:
    """Design of  outcome = stratum + b scale(choice), and the contrast that is b."""
    design = np.column_stack([_strata(rows), scale(rows[choice].to_numpy(np.float64))])
    contrast = np.zeros(design.shape[1])
    contrast[-1] = 1
    return design, contrast


def slopes_at_the_ends(
    runs: pd.DataFrame, choice: str, outcome: str, along: str | None = None
) -> tuple[Estimate, Estimate]:
    """Slopes of a parabola at the lowest and at the highest value of the choice.

    outcome = stratum + b x + c x^2 + e, x = scale(choice); the slope is b + 2 c x at either end. A
    U needs the right sign at both ends; a positive c is not sufficient (Lind & Mehlum 2010).
    """
    rows = _complete(runs, choice, outcome, along)
    if rows.empty:
        nothing = Estimate.unknown(f"no runs differ in {_spell(choice)} alone")
        return nothing, nothing
    x = scale(rows[choice].to_numpy(np.float64))
    design = np.column_stack([_strata(rows), x, x**2])
    y = rows[outcome].to_numpy(np.float64)
    strata = design.shape[1] - 2
    low, high = (
        _contrast(design, y, np.r_[np.zeros(strata), 1, 2 * end]) for end in (x.min(), x.max())
    )
    return low, high


def slopes_by_size(
    runs: pd.DataFrame, choice: str, outcome: str, along: str | None = None
) -> tuple[Estimate, Estimate]:
    """Slopes at the smallest and at the largest model, if the slope is linear in log size.

    outcome = stratum + (b + c s) x + e, x = scale(choice), s = log weights of the blocks.
    """
    rows = _complete(runs, choice, outcome, along)
    if rows.empty:
        nothing = Estimate.unknown(f"no runs differ in {_spell(choice)} alone")
        return nothing, nothing
    x = scale(rows[choice].to_numpy(np.float64))
    s = np.log(rows["params_non_embedding"].to_numpy(np.float64))
    s = s - s.mean()
    design = np.column_stack([_strata(rows), x, s * x])
    y = rows[outcome].to_numpy(np.float64)
    strata = design.shape[1] - 2
    small, large = (
        _contrast(design, y, np.r_[np.zeros(strata), 1, end]) for end in (s.min(), s.max())
    )
    return small, large
