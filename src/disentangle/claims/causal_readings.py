"""What a result of the experiment means: each reading with the tests that must hold for it.

The rules were written down before any experiment was read by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from disentangle.causal.levers import ALL, DOSES
from disentangle.causal.observational import RAW
from disentangle.causal.slope_rows import two_stage_name
from disentangle.claims.causal import (
    BITS,
    OURS,
    PER_TENTH,
    absent,
    effect_part,
    hard_and_soft,
    not_flat,
    slope_part,
)
from disentangle.claims.causal_evidence import CausalEvidence, Cell
from disentangle.claims.claim import Claim, Part
from disentangle.claims.judge import judge
from disentangle.claims.rule import Region, Rule, above, within
from disentangle.statistics.estimate import Estimate

HALF = 0.5
"""A sham is null beside an arm if its effect is less than this share of the arm's, and about the
arm's if it is more than that and less than one plus this share."""

REJECTED = 0.05
"""J rejects one slope for all levers if its p is below this."""

WORDS = {"holds": "applies", "fails": "does not apply", "undecided": "undecided"}


def _moves(cell: Cell) -> Part:
    """That the doses move the loss."""
    estimate, bound = cell.per_tenth(two_stage_name(DOSES)), cell.settings.bound
    rule = not_flat(PER_TENTH, bound, estimate)
    return slope_part(cell, two_stage_name(DOSES), rule, "slope over doses")


def _levers_agree(cell: Cell, *, agree: bool) -> Part:
    """Whether J passes, which says no more than that it does not reject."""
    row = cell.slope_row(two_stage_name(ALL))
    p = float("nan") if row is None else float(row["j_p"])
    found = (
        Estimate(p, p, p, int(row["n"]))
        if row is not None and np.isfinite(p)
        else Estimate.unknown("the experiment has not two levers")
    )
    passes, rejects = (Region(low=REJECTED),), (Region(high=REJECTED),)
    rule = Rule("p of Hansen's J", *((passes, rejects) if agree else (rejects, passes)))
    rows = cell.slope_rows(two_stage_name(ALL))
    return Part(f"{cell.prefix}one slope for all levers", found, rule, "causal_slopes", rows)


def _beside(cell: Cell, kind: str, what: str, *, about: bool) -> Iterator[Part]:
    """That a sham's effect is null beside that of the lowest dose, or about the same.

    Both are sums of the same arms, so pairs of seeds decide them without a division.
    """
    shams, doses = cell.panel.of_kind(kind), cell.panel.of_kind("spectrum")
    if not shams or not doses:
        yield absent(cell, f"{what} beside a dose", above(BITS, 0))
        return
    sham, dose = shams[0], doses[0]
    sign = 1.0 if cell.effect({dose: 1.0, 0: -1.0}).value >= 0 else -1.0

    def part(of_dose: float, of_sham: float, name: str) -> Part:
        weights = {dose: sign * of_dose, sham: sign * of_sham, 0: -sign * (of_dose + of_sham)}
        return effect_part(cell, weights, above(BITS, 0), f"{what}: {name}")

    if about:
        yield part(-HALF, 1.0, "more than half of the dose's effect")
        yield part(1 + HALF, -1.0, "less than one and a half of the dose's effect")
    else:
        yield part(HALF, -1.0, "less than half of the dose's effect")
        yield part(HALF, 1.0, "not opposite by more than half of it")


def _co_occurs(evidence: CausalEvidence) -> Iterator[Part]:
    bound = evidence.settings.bound
    beyond = Rule(PER_TENTH, (Region(high=-bound), Region(low=bound)), (Region(-bound, bound),))
    for cell in evidence.cells():
        yield slope_part(cell, two_stage_name(DOSES), within(PER_TENTH, bound), "slope over doses")
        yield slope_part(cell, RAW, beyond, "slope by observation")


def _rank_matters(evidence: CausalEvidence) -> Iterator[Part]:
    for cell in evidence.cells():
        yield _moves(cell)
        yield from _beside(cell, "rotate", "sham", about=False)
        yield from _beside(cell, "norm", "norm", about=False)
        yield _levers_agree(cell, agree=True)


def _lever_matters(evidence: CausalEvidence) -> Iterator[Part]:
    for cell in evidence.cells():
        yield _moves(cell)
        yield _levers_agree(cell, agree=False)


def _hard_limits(evidence: CausalEvidence) -> Iterator[Part]:
    for cell in evidence.cells():
        yield from hard_and_soft(cell)


def _perturbation(evidence: CausalEvidence) -> Iterator[Part]:
    for cell in evidence.cells():
        doses = cell.panel.of_kind("spectrum")
        if not doses:
            yield absent(cell, "arm that holds a spectrum", above(BITS, 0))
            continue
        weights = {doses[0]: 1.0, 0: -1.0}
        bound = cell.settings.bound * cell.tenths(doses[0])
        rule = not_flat(BITS, bound, cell.effect(weights))
        yield effect_part(cell, weights, rule, "lowest dose minus control")
        yield from _beside(cell, "rotate", "sham", about=True)


def _gauge_acts(evidence: CausalEvidence) -> Iterator[Part]:
    for cell in evidence.cells():
        for place in cell.panel.of_kind("gauge"):
            weights = {place: 1.0, 0: -1.0}
            rule = not_flat(BITS, cell.settings.bound, cell.effect(weights))
            yield effect_part(cell, weights, rule, f"{cell.panel.arms[place].label} minus control")


READINGS = (
    Claim(
        1,
        "Doses change loss by less than the bound; the observational slope is larger.",
        _co_occurs,
        OURS,
    ),
    Claim(
        2,
        "Doses change loss; sham and norm do not; the levers agree.",
        _rank_matters,
        OURS,
    ),
    Claim(3, "Doses change loss; the levers disagree.", _lever_matters, OURS),
    Claim(4, "Hard limits do harm; the same effective rank does not.", _hard_limits, OURS),
    Claim(5, "The sham changes loss about as much as the lowest dose.", _perturbation, OURS),
    Claim(6, "A gauge shift during training changes loss.", _gauge_acts, OURS),
)

MEANINGS = {
    1: "Rank co-occurs with loss and does not cause it, within the bound.",
    2: "Rank matters here.",
    3: "The way in which rank is moved matters: rank is not one cause.",
    4: "A limit of rank does harm, effective rank does not.",
    5: "It was the noise of pushing W, not the rank.",
    6: "Weight decay or Adam acts on the gauge, which is no part of the function.",
}


def readings(evidence: CausalEvidence) -> list[dict[str, Any]]:
    """Rows of `causal_readings`: which results the experiment has. Several may apply."""
    judged, _ = judge(READINGS, evidence)
    kept = ("test", "quantity", "expected", "observed", "interval", "n", "tests", "tests_holding")
    return [
        {
            "reading": row["claim"],
            "result": row["statement"],
            "meaning": MEANINGS[row["claim"]],
            "verdict": WORDS[row["verdict"]],
            **{name: row[name] for name in (*kept, "runs_to_decide", "note")},
        }
        for row in judged
    ]
