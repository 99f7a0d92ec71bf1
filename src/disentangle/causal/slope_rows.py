"""Rows of the table `causal_slopes`: the same pair, by intervention and by observation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from disentangle.causal.anderson_rubin import anderson_rubin
from disentangle.causal.arm_rows import equivalence_columns
from disentangle.causal.compensation import movement
from disentangle.causal.first_stage import first_stage
from disentangle.causal.levers import ALL, DOSES, Lever, levers, together
from disentangle.causal.observational import observational_slopes
from disentangle.causal.overidentification import (
    OverIdentification,
    over_arms,
    over_levers,
    slope_difference,
)
from disentangle.causal.panel import Panel
from disentangle.causal.responses import Response, exposure_of, responses
from disentangle.causal.sample import Sample, sample
from disentangle.causal.settings import TENTH, CausalSettings
from disentangle.causal.two_stage import TwoStage, quadratic, two_stage
from disentangle.statistics.estimate import Estimate

Rows = list[dict[str, Any]]

LOWEST = "two-stage parabola, lowest rank"
HIGHEST = "two-stage parabola, highest rank"
BEND = "two-stage parabola, bend"

_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("ar_low", "ar_high", "ar_p", "f", "f_df", "j", "j_df", "j_p"), math.nan),
    **{"ar_set": "", "at": math.nan, "turning_point": math.nan, "turning_set": ""},
}


def two_stage_name(lever: str) -> str:
    """Name of the two-stage estimator with a lever."""
    return f"two-stage, {lever}"


def difference_name(first: str, second: str) -> str:
    """Name of the difference between two levers' slopes."""
    return f"{first} minus {second}"


def slope_rows(panel: Panel, background: pd.DataFrame, settings: CausalSettings) -> Rows:
    """Every response's slopes on R/d.

    Args:
        panel: the experiment.
        background: observations for the observational slopes.
        settings: exposure, bound, permutations.
    """
    found: Rows = []
    for response in responses(panel.runs, settings):
        if response.role != "exposure":
            found += _slopes_of(panel, response, background, settings)
    return found


def _slopes_of(
    panel: Panel, response: Response, background: pd.DataFrame, settings: CausalSettings
) -> Rows:
    outcome, exposure = panel.values(response.column), exposure_of(panel, settings)

    def row(name: str, found: Estimate, groups: Iterable[Iterable[int]], **more: Any) -> Any:
        return _row(panel, response, settings, name, found, groups) | more

    seen = observational_slopes(background, panel.size, response.column, settings)
    # no seeds can be added to runs that are no blocks
    none = {"seeds": 0, "further_seeds": math.nan}
    rows = [row(name, slope, (), **none) for name, slope in seen.items()]
    fits: dict[str, TwoStage] = {}
    for lever in levers(panel):
        runs = sample(outcome, exposure, lever.groups)
        fits[lever.name] = two_stage(runs)
        within = over_arms(outcome, exposure, lever.groups[0])
        tests = _tests(runs, settings) | _j(within)
        rows.append(row(two_stage_name(lever.name), fits[lever.name].slope, lever.groups, **tests))
        if lever.name == DOSES:
            rows += _parabola(runs, lever, row)
    if every := together(panel):
        runs = sample(outcome, exposure, every.groups)
        tests = _tests(runs, settings) | _j(over_levers(list(fits.values())))
        rows.append(row(two_stage_name(ALL), two_stage(runs).slope, every.groups, **tests))
    names = list(fits)
    groups = {lever.name: lever.groups for lever in levers(panel)}
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            apart = slope_difference(fits[first], fits[second])
            arms = (*groups[first], *groups[second])
            j = _j(over_levers([fits[first], fits[second]]))
            rows.append(row(difference_name(first, second), apart, arms, **j))
    return rows


def _tests(runs: Sample, settings: CausalSettings) -> dict[str, Any]:
    """First stage, and Anderson and Rubin's set with every arm."""
    if runs.n < 2:
        return {}
    first = first_stage(runs)
    ar = anderson_rubin(runs, permutations=settings.permutations, seed=settings.seed)
    return {
        "f": first.f,
        "f_df": float(first.df),
        "ar_set": str(ar.accepted),
        "ar_low": ar.accepted.low,
        "ar_high": ar.accepted.high,
        "ar_p": ar.p,
    }


def _j(found: OverIdentification) -> dict[str, Any]:
    if not math.isfinite(found.j):
        return {}
    return {"j": found.j, "j_df": float(found.df), "j_p": found.p}


def _parabola(runs: Sample, lever: Lever, row: Any) -> Rows:
    bent = quadratic(runs)
    if bent is None:
        unknown = Estimate.unknown("too few arms or seeds for a parabola", runs.n)
        return [row(name, unknown, lever.groups) for name in (LOWEST, HIGHEST, BEND)]
    turn = {"turning_point": bent.turning_point, "turning_set": str(bent.turning)}
    return [
        row(LOWEST, bent.lowest, lever.groups, at=bent.at[0], **turn),
        row(HIGHEST, bent.highest, lever.groups, at=bent.at[1], **turn),
        # a second derivative is no slope, so no bound and no tenth apply to it
        row(BEND, bent.bend, lever.groups, **turn)
        | dict.fromkeys(("per_tenth", "per_tenth_low", "per_tenth_high"), math.nan)
        | equivalence_columns(Estimate.unknown(""), math.nan)
        | {"movement": ""},
    ]


def _row(
    panel: Panel,
    response: Response,
    settings: CausalSettings,
    name: str,
    found: Estimate,
    groups: Iterable[Iterable[int]],
) -> dict[str, Any]:
    arms = dict.fromkeys(arm for group in groups for arm in group)
    return {
        "size": panel.size,
        "configuration": panel.configuration,
        "response": response.column,
        "role": response.role,
        "estimator": name,
        "arms": ", ".join(panel.arms[arm].label for arm in arms),
        "n": found.n,
        "seeds": found.df + 1 if found.df else 0,
        "slope": found.value,
        "se": found.se,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "per_tenth": TENTH * found.value,
        "per_tenth_low": TENTH * found.low,
        "per_tenth_high": TENTH * found.high,
        **_NOTHING,
        "movement": movement(found),
        **equivalence_columns(found, response.bound(settings), TENTH),
        "note": found.note,
    }
