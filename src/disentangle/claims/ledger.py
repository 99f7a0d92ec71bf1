"""The paper's twelve findings (arXiv 2602.20433), each with the rule that decides it.

Bounds are ours where the paper gives none, and were written down before any study was judged by
them; a change of one is a change of the claim.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from disentangle.claims.comparisons import advantage, agreement, removal, standing_of_best
from disentangle.claims.evidence import Evidence
from disentangle.claims.examples import count_high_rank_high_loss, count_low_rank_sound
from disentangle.claims.rule import Region, Rule, above, below, within
from disentangle.statistics import contrasts
from disentangle.statistics.estimate import Estimate
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME

RANK = CHIEF_METRIC
ID = CHIEF_OUTCOME

MATTERS = 0.2
"""A raw rank correlation weaker than this is none to speak of."""
SMALL = 0.3
"""A partial correlation up to this is small: what Cohen (1988, p. 80) calls medium."""
LEFT = 0.5
"""Control removes most of an association if less than this share of it is left."""
GAIN = 0.05
"""Held-out R^2 that is no gain to speak of."""
AGREE = 0.5
"""Metrics agree if the median of their pairs' |rho| is above this."""

DISTINCT = (
    *("effective_rank_pct", "spectral_entropy_rank", "stable_rank", "participation_ratio"),
    *("mean_cosine_similarity", "partition_isotropy"),
)
"""Metrics of a matrix of which none is a function of another: rank and its share of d are one
metric, and IsoScore is the centred participation ratio."""


@dataclass(frozen=True)
class Part:
    """One test: what is estimated, where from, and the rule that judges it."""

    part: str
    estimate: Estimate
    rule: Rule
    table: str
    filter: str
    """Rows of the table that the estimate is from, as a pandas query."""


@dataclass(frozen=True)
class Claim:
    """A finding of the paper."""

    number: int
    statement: str
    parts: Callable[[Evidence], Iterator[Part]]


def _pair(outcome: str, metric: str = RANK, variant: str = "base") -> str:
    return f"variant == '{variant}' and outcome == '{outcome}' and metric == '{metric}'"


def _final(variant: str = "base") -> str:
    return f"final and variant == '{variant}'"


CLEARLY_NEGATIVE = below(0, unless_above=-MATTERS, expected="ρ < 0")
LESS_IS_LEFT = below(0, unless_above=0, expected=f"|partial ρ| < {LEFT:g} |ρ|")
NO_GAIN = below(GAIN, unless_above=0, expected=f"ΔR² < {GAIN:g}")
POSITIVE = above(0, unless_below=0, expected="slope > 0")
NEGATIVE = below(0, unless_above=0, expected="slope < 0")


def _raw(evidence: Evidence, outcome: str) -> Part:
    estimate = evidence.association(outcome, RANK, "rho", "rho_low", "rho_high")
    return Part(f"{outcome}: raw", estimate, CLEARLY_NEGATIVE, "associations", _pair(outcome))


def _removed(evidence: Evidence, outcome: str) -> Iterator[Part]:
    raw = evidence.association(outcome, RANK, "rho", "rho_low", "rho_high")
    if not (raw.low > 0 or raw.high < 0):
        nothing = Estimate.unknown("no raw association that control could remove", raw.n)
        yield Part(f"{outcome}: control", nothing, LESS_IS_LEFT, "associations", _pair(outcome))
        return
    partial = evidence.resampled(removal, outcome, RANK, share=LEFT)
    yield Part(f"{outcome}: partial", partial, LESS_IS_LEFT, "observations", _final())
    residual = evidence.association(outcome, RANK, "residual_rho", "residual_low", "residual_high")
    most = LEFT * abs(raw.value)
    rule = within(most, expected=f"|residual ρ| < {most:.2f}, {LEFT:g} of |ρ|")
    yield Part(f"{outcome}: residual", residual, rule, "associations", _pair(outcome))


def _gain(evidence: Evidence, outcome: str) -> Part:
    estimate = evidence.association(outcome, RANK, "delta_r2", "delta_r2_low", "delta_r2_high")
    return Part(f"{outcome}: ΔR²", estimate, NO_GAIN, "associations", _pair(outcome))


def _rank_goes_with_loss(evidence: Evidence) -> Iterator[Part]:
    yield _raw(evidence, ID)


def _control_removes_it(evidence: Evidence) -> Iterator[Part]:
    yield from _removed(evidence, ID)


def _rank_adds_nothing(evidence: Evidence) -> Iterator[Part]:
    yield _gain(evidence, ID)


def _the_same_elsewhere(evidence: Evidence) -> Iterator[Part]:
    for outcome in evidence.other_losses:
        yield _raw(evidence, outcome)
        yield from _removed(evidence, outcome)
        yield _gain(evidence, outcome)


def _rank_is_not_enough(evidence: Evidence) -> Iterator[Part]:
    best = evidence.resampled(standing_of_best, ID, RANK)
    median = above(0.5, unless_below=0.5, expected="best model above the median rank")
    yield Part("best model", best, median, "observations", _final())
    found = count_high_rank_high_loss(evidence.runs, ID, RANK)
    exist = Rule("at least one", Region(low=1), (Region(high=0),))
    yield Part("counterexamples", found, exist, "observations", _final())


def _slope(evidence: Evidence, choice: str, outcome: str, rule: Rule) -> Part:
    estimate = contrasts.slope(evidence.runs, choice, outcome)
    return Part(f"{choice}: {outcome}", estimate, rule, "observations", _final())


def _batch(evidence: Evidence) -> Iterator[Part]:
    yield _slope(evidence, "batch_size", RANK, POSITIVE)
    low, high = contrasts.slopes_at_the_ends(evidence.runs, "batch_size", ID)
    yield Part("loss falls at the smallest batch", low, NEGATIVE, "observations", _final())
    yield Part("loss rises at the largest", high, POSITIVE, "observations", _final())


def _weight_decay(evidence: Evidence) -> Iterator[Part]:
    yield _slope(evidence, "weight_decay", RANK, POSITIVE)
    small, large = contrasts.slopes_by_size(evidence.runs, "weight_decay", ID)
    # the paper's notes do not say which way round, so the larger model's slope is held against the
    # smaller one's, if that one's sign is known
    same, opposite = (POSITIVE, NEGATIVE) if small.value > 0 else (NEGATIVE, POSITIVE)
    yield Part("loss, smallest model", small, same, "observations", _final())
    if same.verdict(small) != "holds":
        opposite = replace(opposite, fails=())
    yield Part("loss, largest model: opposite", large, opposite, "observations", _final())


def _annealing(evidence: Evidence) -> Iterator[Part]:
    yield _slope(evidence, "final_lr", RANK, POSITIVE)
    yield _slope(evidence, "final_lr", ID, POSITIVE)


def _low_rank_sound(evidence: Evidence) -> Iterator[Part]:
    exist = Rule("at least one", Region(low=1), (Region(high=0),))
    found = count_low_rank_sound(evidence.runs, evidence.saturation, ID, RANK)
    yield Part("low rank, not saturated", found, exist, "saturation", f"outcome == '{ID}'")


def _metrics_agree(evidence: Evidence) -> Iterator[Part]:
    rule = above(AGREE, unless_below=AGREE, expected=f"median |ρ| > {AGREE:g}")
    for matrix in ("W", "H"):
        metrics = [f"{matrix}_{metric}" for metric in DISTINCT]
        known = [name for name in metrics if name in evidence.runs]
        yield Part(matrix, evidence.resampled(agreement, known), rule, "observations", _final())


def _loss_predicts_better(evidence: Evidence) -> Iterator[Part]:
    rule = above(0, unless_below=0, expected="|ρ(ID loss)| > every metric's |ρ|")
    for outcome in evidence.other_losses:
        found = evidence.resampled(advantage, outcome, ID, evidence.metrics)
        yield Part(outcome, found, rule, "observations", _final())
    for variant, outcome in evidence.finetuned_losses:
        runs = evidence.with_base_loss(variant, ID)
        found = evidence.of(runs, advantage, outcome, f"base_{ID}", evidence.metrics)
        yield Part(f"{variant}: {outcome}", found, rule, "observations", _final(variant))


def _quantized(evidence: Evidence) -> Iterator[Part]:
    rule = within(SMALL, expected=f"|partial ρ| < {SMALL:g}")
    for variant in evidence.quantized:
        found = evidence.association(
            ID, RANK, "partial_rho", "partial_low", "partial_high", variant=variant
        )
        yield Part(variant, found, rule, "associations", _pair(ID, variant=variant))


CLAIMS = (
    Claim(1, "Models whose W has higher rank have lower ID loss.", _rank_goes_with_loss),
    Claim(2, "Controlling for training choices removes most of it.", _control_removes_it),
    Claim(3, "Rank of W adds no held-out R² to size, compute, tokens.", _rank_adds_nothing),
    Claim(4, "The same for OOD loss.", _the_same_elsewhere),
    Claim(5, "The best model has high rank, but high rank is not enough.", _rank_is_not_enough),
    Claim(6, "Larger batches raise rank; loss is U-shaped in batch size.", _batch),
    Claim(7, "Weight decay keeps rank up; what it does to loss turns with size.", _weight_decay),
    Claim(8, "Weaker annealing keeps rank up, and costs loss.", _annealing),
    Claim(9, "There is low rank without late degradation.", _low_rank_sound),
    Claim(10, "The metrics of a matrix agree with each other.", _metrics_agree),
    Claim(11, "ID loss predicts other losses better than any metric does.", _loss_predicts_better),
    Claim(12, "Quantized, rank and loss hardly go together, given training.", _quantized),
)
