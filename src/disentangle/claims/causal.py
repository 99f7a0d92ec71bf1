"""Causal claims about the rank of W, each with the rule that decides it.

The rules were written down before any experiment was judged by them. A claim of no effect holds if
the whole 95 % interval lies within the study's bound; that it contains zero is not enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from disentangle.causal.levers import ALL, DOSES
from disentangle.causal.slope_rows import HIGHEST, LOWEST, two_stage_name
from disentangle.claims.causal_evidence import (
    ALL_WEIGHTS,
    HEAD,
    CausalEvidence,
    Cell,
)
from disentangle.claims.claim import Claim, Part
from disentangle.claims.rule import Region, Rule, above, below, of_known_sign, within
from disentangle.statistics.estimate import Estimate
from disentangle.study.sections.surgery import OPERATED

OURS = "disentangle"

RAW_RANK = "W_effective_rank_pct"

RECOVERED = 0.9
"""Recovery brings back what surgery lost if it brings back more than this share of it."""

PER_TENTH = "bits per byte per tenth of d"
BITS = "bits per byte"


def not_flat(quantity: str, bound: float, estimate: Estimate) -> Rule:
    """Holds on either side of 0, unless the quantity is shown to be within the bound; then fails.

    For an effect that is claimed to be there: one that is certain, but too small to count, is not.
    """
    inside = Region(-bound, bound)
    if inside.holds_all_of(estimate):
        return Rule(quantity, (), (inside,))
    return replace(of_known_sign(quantity), fails=(inside,))


def harmful(quantity: str, least: float, estimate: Estimate) -> Rule:
    """Holds above 0, unless the quantity is shown to be at most `least`; then fails."""
    harmless = Region(high=least)
    if harmless.holds_all_of(estimate):
        return Rule(quantity, (), (harmless,))
    return Rule(quantity, (Region(low=0),), (harmless,))


def slope_part(cell: Cell, estimator: str, rule: Rule, name: str, *, decides: bool = True) -> Part:
    """A test of a slope per tenth of d."""
    rows = cell.slope_rows(estimator)
    estimate = cell.per_tenth(estimator)
    return Part(f"{cell.prefix}{name}", estimate, rule, "causal_slopes", rows, decides)


def effect_part(
    cell: Cell, weights: dict[int, float], rule: Rule, name: str, *, decides: bool = True
) -> Part:
    """A test of a contrast between arms."""
    rows = cell.runs_of(weights)
    estimate = cell.effect(weights)
    return Part(f"{cell.prefix}{name}", estimate, rule, "observations", rows, decides)


def absent(cell: Cell, what: str, rule: Rule) -> Part:
    """A test for which the experiment lacks an arm."""
    unknown = Estimate.unknown(f"the experiment has no {what}")
    return Part(f"{cell.prefix}{what}", unknown, rule, "observations", cell.where)


def _rank_within_the_bound(evidence: CausalEvidence) -> Iterator[Part]:
    bound = evidence.settings.bound
    rule = within(PER_TENTH, bound)
    for cell in evidence.cells():
        yield slope_part(cell, two_stage_name(DOSES), rule, "slope over doses")
        # a U has a slope of about zero, and steep ends: an end that is shown to be steep refutes
        # the claim, one that is not says nothing
        for end, name in ((LOWEST, "slope at the lowest rank"), (HIGHEST, "at the highest rank")):
            steep = rule.verdict(cell.per_tenth(end)) == "fails"
            yield slope_part(cell, end, rule, name, decides=steep)
        yield slope_part(cell, two_stage_name(ALL), rule, "slope over all levers", decides=False)


def _gauge_changes_nothing(evidence: CausalEvidence) -> Iterator[Part]:
    bound = evidence.settings.bound
    for cell in evidence.cells():
        rule = within(BITS, bound)
        gauges = cell.panel.of_kind("gauge")
        if not gauges:
            yield absent(cell, "gauge arm", rule)
        for place in gauges:
            name = cell.panel.arms[place].label
            weights = {place: 1.0, 0: -1.0}
            moved = replace(cell, outcome=RAW_RANK)
            yield effect_part(
                moved, weights, of_known_sign("change of R(W), % of d"), f"{name} moves R(W)"
            )
            yield effect_part(cell, weights, rule, f"{name} minus control")


def hard_and_soft(cell: Cell) -> Iterator[Part]:
    """Tests that a hard limit of rank does harm and that the same effective rank alone does not."""
    panel, bound = cell.panel, cell.settings.bound
    if panel.factored is None or not panel.limited:
        yield absent(cell, "hard limit with its reference", above(BITS, 0))
        return
    for limited in panel.limited:
        hard = {limited: 1.0, panel.factored: -1.0}
        negligible = bound * cell.tenths(limited, panel.factored)
        name = panel.arms[limited].label
        reference = panel.arms[panel.factored].label
        harm = harmful(BITS, negligible, cell.effect(hard))
        yield effect_part(cell, hard, harm, f"{name} minus {reference}")
        soft = cell.nearest_dose(limited)
        if soft is None:
            yield absent(cell, "arm that holds a spectrum", below(BITS, bound))
            continue
        label = panel.arms[soft].label
        least = bound * cell.tenths(soft)
        ranks = f"R/d {cell.exposure(limited):.2f} and {cell.exposure(soft):.2f}"
        yield effect_part(
            cell, {soft: 1.0, 0: -1.0}, below(BITS, least), f"{label} minus control ({ranks})"
        )
        beyond = {limited: 1.0, panel.factored: -1.0, soft: -1.0, 0: 1.0}
        harm = harmful(BITS, negligible, cell.effect(beyond))
        yield effect_part(
            cell, beyond, harm, f"({name} minus {reference}) minus ({label} minus control)"
        )


def _hard_limits_harm(evidence: CausalEvidence) -> Iterator[Part]:
    for cell in evidence.cells():
        yield from hard_and_soft(cell)


def _recovery_brings_back(evidence: CausalEvidence) -> Iterator[Part]:
    bound = evidence.settings.bound
    for operation in evidence.operations():
        rows = f"operation == '{operation}'"
        lost = evidence.lost(operation, {OPERATED: 1.0})
        # what loses nothing has nothing to bring back, so such operations do not count
        loses = lost.low > bound
        name = f"{operation}: loss beyond the checkpoint's"
        yield Part(name, lost, above(BITS, bound), "surgery", rows, decides=False)
        left = f"loss left, minus {1 - RECOVERED:.0%} of what was lost, {BITS}"
        for stage, trained in ((ALL_WEIGHTS, "all weights"), (HEAD, "W alone")):
            found = evidence.lost(operation, {stage: 1.0, OPERATED: -(1 - RECOVERED)})
            name = f"{operation}: after {evidence.steps(operation, stage)} steps of {trained}"
            decides = loses and stage == ALL_WEIGHTS
            yield Part(name, found, below(left, 0), "surgery", rows, decides)


CAUSAL_CLAIMS = (
    Claim(
        1,
        "Rank changes loss by less than the bound per tenth of d.",
        _rank_within_the_bound,
        OURS,
    ),
    Claim(
        2,
        "A gauge shift during training moves the rank of W and changes no loss.",
        _gauge_changes_nothing,
        OURS,
    ),
    Claim(
        3,
        "A hard limit of rank does harm, the same effective rank without it does not.",
        _hard_limits_harm,
        OURS,
    ),
    Claim(
        4,
        "What surgery on W loses, training all weights a little brings back.",
        _recovery_brings_back,
        OURS,
    ),
)
