"""Rows of the tables `causal_arms` and `arm_effects`."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from disentangle.causal.by_seed import flip_p
from disentangle.causal.equivalence import equivalence
from disentangle.causal.first_stage import missed
from disentangle.causal.paired import any_difference, comparisons, contrast
from disentangle.causal.panel import Panel
from disentangle.causal.responses import Response, exposure_of, responses
from disentangle.causal.settings import CausalSettings
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.multiplicity import holm

Rows = list[dict[str, Any]]

ANY = "any"
"""Stands for the arm where all arms are tested at once."""


def arm_rows(panel: Panel, settings: CausalSettings) -> Rows:
    """What was done in each arm, what became of its runs, and the rank that it reached."""
    exposure, diverged = exposure_of(panel, settings), panel.where("diverged")
    rows = []
    for place, arm in enumerate(panel.arms):
        own = exposure[:, place]
        known = own[np.isfinite(own)]
        off = missed(known, arm)
        effect = contrast(exposure, {place: 1.0, 0: -1.0}) if place else Estimate.unknown("")
        rows.append(
            {
                "size": panel.size,
                "configuration": panel.configuration,
                "arm": arm.label,
                "intervention": arm.kind,
                "dose": arm.dose,
                "seeds": len(panel.seeds),
                "runs": int(panel.trained[:, place].sum()),
                "diverged": int(diverged[:, place].sum()),
                "diverged_p": _diverged_p(panel, place),
                "n": len(known),
                "exposure": _of(np.mean, known),
                "exposure_sd": float(known.std(ddof=1)) if len(known) > 1 else math.nan,
                "exposure_least": _of(np.min, known),
                "exposure_largest": _of(np.max, known),
                "missed": _of(np.mean, off),
                "missed_most": _of(np.max, np.abs(off)),
                "exposure_effect": effect.value,
                "exposure_effect_low": effect.low,
                "exposure_effect_high": effect.high,
            }
        )
    return rows


def _of(statistic: Any, values: Floats) -> float:
    return float(statistic(values)) if len(values) else math.nan


def _diverged_p(panel: Panel, place: int) -> float:
    """Divergence is an outcome of its own, so it is compared as any other, within seeds."""
    if not place:
        return math.nan
    both = panel.trained[:, place] & panel.trained[:, 0]
    diverged = panel.where("diverged").astype(np.float64)
    differences = (diverged[:, place] - diverged[:, 0])[both]
    return flip_p(differences) if len(differences) else math.nan


def effect_rows(panel: Panel, settings: CausalSettings) -> Rows:
    """Every comparison of arms for every response, Holm's correction over those of a response."""
    return [
        row
        for response in responses(panel.runs, settings)
        for row in _effects_on(panel, response, settings)
    ]


def _effects_on(panel: Panel, response: Response, settings: CausalSettings) -> Rows:
    values = panel.values(response.column)
    head = {
        "size": panel.size,
        "configuration": panel.configuration,
        "response": response.column,
        "role": response.role,
    }
    rows: Rows = []
    for comparison in comparisons(panel):
        found = contrast(values, comparison.weights)
        rows.append(
            head
            | {
                "arm": panel.arms[comparison.arm].label,
                "reference": panel.arms[comparison.reference].label,
                "n": found.df + 1 if found.df else 0,
                "effect": found.value,
                "se": found.se,
                "low": found.low,
                "high": found.high,
                "p": found.p,
            }
            | equivalence_columns(found, response.bound(settings))
            | {"note": found.note}
        )
    adjusted = holm([row["p"] for row in rows])
    for row, p in zip(rows, adjusted, strict=True):
        row["holm_p"] = float(p)
    nothing = Estimate.unknown("")
    p = any_difference(values, permutations=settings.permutations, seed=settings.seed)
    at_all = {"arm": ANY, "reference": "", "n": len(panel.seeds), "p": p, "holm_p": math.nan}
    unknown = dict.fromkeys(("effect", "se", "low", "high"), math.nan)
    rows.append(head | at_all | unknown | equivalence_columns(nothing, math.nan) | {"note": ""})
    return rows


def equivalence_columns(found: Estimate, bound: float, times: float = 1) -> dict[str, float]:
    """The columns on equivalence of either table."""
    test = asdict(equivalence(found, bound, times=times))
    return {
        "bound": bound,
        "equivalence_p": test["p"],
        "equivalence_low": test["low"],
        "equivalence_high": test["high"],
        "further_seeds": test["further_seeds"],
    }
