"""Effects of training choices on rank and loss: slopes, shapes, sign changes with size."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from disentangle.statistics.contrasts import (
    all_else_equal,
    error_by_passages,
    slope,
    slopes_at_the_ends,
    slopes_by_size,
)
from disentangle.statistics.design import hyperparameters
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.multiplicity import benjamini_hochberg
from disentangle.tables.passages import NO_PASSAGES, Passages

Shape = Literal["rises", "falls", "U", "inverted U", "no clear shape"]
OverSize = Literal["same sign", "sign changes", "undecided"]

LEVEL = 0.05


def bend(lowest: Estimate, highest: Estimate) -> float:
    """p of the hypothesis that there is no U of either kind (Lind & Mehlum 2010): the larger p of
    the slopes at both ends if they have opposite signs, else 1. NaN if not known."""
    if not np.isfinite(lowest.p + highest.p):
        return np.nan
    return max(lowest.p, highest.p) if lowest.value * highest.value < 0 else 1.0


def shape(whole: Estimate, lowest: Estimate, bend_q: float, slope_q: float) -> Shape:
    """U of either kind if its q is significant, else by the sign of the overall slope."""
    if bend_q < LEVEL:
        return "U" if lowest.value < 0 else "inverted U"
    if slope_q < LEVEL:
        return "rises" if whole.value > 0 else "falls"
    return "no clear shape"


def over_size(smallest: Estimate, largest: Estimate) -> OverSize:
    """Whether the slope has the same sign at the smallest and at the largest model, judged by the
    whole 95 % intervals."""
    signs = [
        1 if estimate.low > 0 else -1 if estimate.high < 0 else 0
        for estimate in (smallest, largest)
    ]
    if 0 in signs:
        return "undecided"
    return "same sign" if signs[0] == signs[1] else "sign changes"


def varies_along(runs: pd.DataFrame, choice: str) -> str | None:
    """The choice that varies with this one if it never varies alone, as batch with the budget."""
    if runs[choice].nunique() < 2 or len(all_else_equal(runs, choice)):
        return None
    others = [name for name in hyperparameters(runs) if name != choice and runs[name].nunique() > 1]
    return next((name for name in others if len(all_else_equal(runs, choice, name))), None)


def effects(
    runs: pd.DataFrame, responses: Sequence[str], passages: Passages = NO_PASSAGES
) -> list[dict[str, Any]]:
    """Rows of the effects table: every choice that varies with every response.

    `contrasts` estimates the slopes: least squares within strata of equal size and choices, per
    doubling or, for a choice that may be zero, per unit. `q` is Benjamini-Hochberg over the slopes'
    p of all rows, `bend_q` over those of `bend`. A shape is named if its q is below 5 %. Sign
    changes with size are judged by 95 % intervals, without correction for multiple tests.

    Args:
        runs: one row per run, with the columns of `design.COLUMNS`.
        responses: columns to explain.
        passages: losses of single passages.
    """
    rows: list[dict[str, Any]] = []
    slopes: list[tuple[Estimate, Estimate]] = []
    for choice in (name for name in hyperparameters(runs) if runs[name].nunique() > 1):
        along = varies_along(runs, choice)
        for response in responses:
            whole = slope(runs, choice, response, along)
            lowest, highest = slopes_at_the_ends(runs, choice, response, along)
            smallest, largest = slopes_by_size(runs, choice, response, along)
            slopes.append((whole, lowest))
            rows.append(
                {
                    "choice": choice,
                    "along": along or "",
                    "response": response,
                    "per": "doubling" if (runs[choice] > 0).all() else "unit",
                    "n": whole.n,
                    **_spread("slope", whole),
                    "passages_se": error_by_passages(runs, choice, response, along, passages),
                    "p": whole.p,
                    "bend_p": bend(lowest, highest),
                    **_spread("at_lowest", lowest),
                    **_spread("at_highest", highest),
                    "over_size": over_size(smallest, largest),
                    **_spread("at_smallest", smallest),
                    **_spread("at_largest", largest),
                    "note": whole.note or lowest.note,
                }
            )
    q, bend_q = (benjamini_hochberg([row[name] for row in rows]) for name in ("p", "bend_p"))
    for i, (whole, lowest) in enumerate(slopes):
        rows[i] |= {"q": float(q[i]), "bend_q": float(bend_q[i])}
        rows[i]["shape"] = shape(whole, lowest, rows[i]["bend_q"], rows[i]["q"])
    return rows


def _spread(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def responses_of(runs: pd.DataFrame, metrics: Sequence[str], losses: Sequence[str]) -> list[str]:
    """The responses to explain: effective and stable rank of W and H, and every loss.

    If a table of others has none of these ranks, all its metrics are used.
    """
    ranks = ("effective_rank_pct", "stable_rank")
    chief = [name for name in metrics if name.split("_", 1)[1] in ranks] or list(metrics)
    return [name for name in (*chief, *losses) if np.isfinite(runs[name]).any()]
