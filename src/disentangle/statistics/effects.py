"""What each training choice does to rank and to loss: slopes, their shape, their turn with size."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from disentangle.statistics.contrasts import (
    all_else_equal,
    slope,
    slopes_at_the_ends,
    slopes_by_size,
)
from disentangle.statistics.design import HYPERPARAMETERS
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.multiplicity import benjamini_hochberg

Shape = Literal["rises", "falls", "U", "inverted U", "undecided"]
OverSize = Literal["same sign", "sign changes", "undecided"]


def shape(whole: Estimate, lowest: Estimate, highest: Estimate) -> Shape:
    """U if the slope is negative at the lowest value and positive at the highest, each with its
    whole 95 % interval (Lind & Mehlum 2010); else by the sign of the one slope, if that is known.
    """
    if lowest.high < 0 < highest.low:
        return "U"
    if highest.high < 0 < lowest.low:
        return "inverted U"
    if whole.low > 0 or whole.high < 0:
        return "rises" if whole.low > 0 else "falls"
    return "undecided"


def over_size(smallest: Estimate, largest: Estimate) -> OverSize:
    """Whether the slope has one sign at the smallest and at the largest model, each with its whole
    95 % interval."""
    signs = [
        1 if estimate.low > 0 else -1 if estimate.high < 0 else 0
        for estimate in (smallest, largest)
    ]
    if 0 in signs:
        return "undecided"
    return "same sign" if signs[0] == signs[1] else "sign changes"


def varies_along(runs: pd.DataFrame, choice: str) -> str | None:
    """The choice that varies with this one, if it never varies alone, as batch with the budget."""
    if runs[choice].nunique() < 2 or len(all_else_equal(runs, choice)):
        return None
    others = [name for name in HYPERPARAMETERS if name != choice and runs[name].nunique() > 1]
    return next((name for name in others if len(all_else_equal(runs, choice, name))), None)


def effects(runs: pd.DataFrame, responses: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the effects table: every choice that varies, with every response.

    Slopes are those of `contrasts`: least squares within strands of equal size and choices, per
    doubling or, of a choice that may be zero, per unit. `q` is Benjamini & Hochberg's over all rows
    of the slope's p; shape and turn are by 95 % intervals, of which one in twenty misses.

    Args:
        runs: one row a run, with the columns of `design.COLUMNS`.
        responses: columns to explain.
    """
    rows = []
    for choice in (name for name in HYPERPARAMETERS if runs[name].nunique() > 1):
        along = varies_along(runs, choice)
        for response in responses:
            whole = slope(runs, choice, response, along)
            lowest, highest = slopes_at_the_ends(runs, choice, response, along)
            smallest, largest = slopes_by_size(runs, choice, response, along)
            rows.append(
                {
                    "choice": choice,
                    "along": along or "",
                    "response": response,
                    "per": "doubling" if (runs[choice] > 0).all() else "unit",
                    "n": whole.n,
                    **_spread("slope", whole),
                    "p": whole.p,
                    "shape": shape(whole, lowest, highest),
                    **_spread("at_lowest", lowest),
                    **_spread("at_highest", highest),
                    "over_size": over_size(smallest, largest),
                    **_spread("at_smallest", smallest),
                    **_spread("at_largest", largest),
                    "note": whole.note or lowest.note,
                }
            )
    for row, q in zip(rows, benjamini_hochberg([row["p"] for row in rows]), strict=True):
        row["q"] = float(q)
    return rows


def _spread(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def responses_of(runs: pd.DataFrame, metrics: Sequence[str], losses: Sequence[str]) -> list[str]:
    """What choices are asked about: effective and stable rank of W and H, and every loss.

    All metrics, where a table from elsewhere has none of these.
    """
    ranks = ("effective_rank_pct", "stable_rank")
    chief = [name for name in metrics if name.split("_", 1)[1] in ranks] or list(metrics)
    return [name for name in (*chief, *losses) if np.isfinite(runs[name]).any()]
