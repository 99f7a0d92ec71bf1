"""The paper's twelve findings (arXiv 2602.20433), each with the rule that decides it.

Where the paper gives no bounds, they are ours, and the same for every study. The bounds were
written down before any study was judged. Their use was changed afterwards, because verdicts misled:

- A sign (1, 4) fails if the interval has the other sign or lies within +-MATTERS. Before, it failed
  whenever the interval was above -MATTERS, even for +.52 [-.12, +.89], which shows no sign.
- That there are such models (5, 9) is undecided where a study has none, and no longer fails. Two
  studies of one design with other seeds had one of 8 and none: the seeds gave the verdict.
- "Adds nothing" (3, 4) fails above a bound and no longer above 0. With one bound for both verdicts,
  a gain shown to be small is negligible, and one of unknown size is undecided. The gain over all
  choices is a share of the variance they leave unexplained, so it has its own bound, OF_THE_REST.
- Control (2, 4, 12) and gain (3, 4) are judged by estimators that keep their level if effects are
  curved: the residual rho and the gain over all training choices. The paper's partial rho rejects
  most such nulls. Its baseline of size, compute and tokens omits the choices that change rank most,
  so rank has a gain if it is only a proxy for batch size. Both are shown but do not count.
"""

from collections.abc import Iterator
from dataclasses import replace

from disentangle.claims.claim import Claim, Part
from disentangle.claims.comparisons import advantage, median_agreement, removal, standing_of_best
from disentangle.claims.evidence import Evidence
from disentangle.claims.examples import count_high_rank_high_loss, count_low_rank_sound
from disentangle.claims.rule import (
    Rule,
    above,
    at_least_one,
    below,
    negative,
    of_known_sign,
    within,
)
from disentangle.statistics.estimate import Estimate
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME

RANK = CHIEF_METRIC
ID = CHIEF_OUTCOME

MATTERS = 0.2
"""A raw rank correlation that is shown to be weaker than this is negligible."""
SMALL = 0.3
"""Bound for a small controlled correlation: what Cohen (1988, p. 80) calls medium."""
LEFT = 0.5
"""Control removes most of an association if less than this share of it is left."""
GAIN = 0.05
"""A gain in held-out R^2 up to this is negligible."""
OF_THE_REST = round(SMALL**2, 2)
"""So is a gain up to this share of the variance that training choices leave unexplained. A
correlation of `SMALL` explains this share."""
AGREE = 0.5
"""Metrics agree if the median of their pairs' |rho| is above this."""

DISTINCT = (
    *("effective_rank_pct", "spectral_entropy_rank", "stable_rank", "participation_ratio"),
    *("mean_cosine_similarity", "partition_isotropy"),
)
"""Metrics of a matrix, none of which is a function of another. Rank and its share of d are the same
metric, and IsoScore is the centred participation ratio."""


def _pair(outcome: str, metric: str = RANK, variant: str = "base") -> str:
    return f"variant == '{variant}' and outcome == '{outcome}' and metric == '{metric}'"


def _final(variant: str = "base") -> str:
    return f"final and variant == '{variant}'"


SLOPE = "slope"
BESIDE = "ΔR² over all choices"
THE_PAPERS = "the paper's"
"""Marks tests that use the paper's method. They do not count towards the verdict here."""


def _raw(evidence: Evidence, outcome: str) -> Part:
    estimate = evidence.association(outcome, RANK, "rho")
    rule = negative("ρ", negligible=MATTERS)
    return Part(f"{outcome}: raw", estimate, rule, "associations", _pair(outcome))


def _removed(evidence: Evidence, outcome: str) -> Iterator[Part]:
    raw = evidence.association(outcome, RANK, "rho")
    left = below(f"|partial ρ| - {LEFT:g} |ρ|", 0)
    if not (raw.low > 0 or raw.high < 0):
        nothing = Estimate.unknown("there is no raw association to control away", raw.n)
        yield Part(f"{outcome}: control", nothing, left, "associations", _pair(outcome))
        return
    residual = evidence.association(outcome, RANK, "residual_rho")
    bound = round(LEFT * abs(raw.value), 2)
    residual = _with_note(residual, f"{bound:g} is {LEFT:g} |ρ|, with raw ρ = {raw.value:+.2f}")
    rule = within("residual ρ", bound)
    yield Part(f"{outcome}: residual", residual, rule, "associations", _pair(outcome))
    partial = evidence.association(outcome, RANK, "partial_rho")
    found = evidence.resampled(removal, outcome, RANK, share=LEFT)
    found = _with_note(found, f"partial ρ = {partial.value:+.2f}, raw ρ = {raw.value:+.2f}")
    yield Part(
        f"{outcome}: {THE_PAPERS} partial ρ", found, left, "observations", _final(), decides=False
    )


def _with_note(estimate: Estimate, note: str) -> Estimate:
    return replace(estimate, note="; ".join(part for part in (note, estimate.note) if part))


def _gain(evidence: Evidence, outcome: str) -> Iterator[Part]:
    beside = evidence.association(outcome, RANK, "delta_r2_design")
    rule = below(BESIDE, OF_THE_REST)
    yield Part(f"{outcome}: all choices", beside, rule, "associations", _pair(outcome))
    scale = evidence.association(outcome, RANK, "delta_r2")
    rule = below("ΔR² over size, compute, tokens", GAIN)
    name = f"{outcome}: {THE_PAPERS} baseline"
    yield Part(name, scale, rule, "associations", _pair(outcome), decides=False)


def _rank_goes_with_loss(evidence: Evidence) -> Iterator[Part]:
    yield _raw(evidence, ID)


def _control_removes_it(evidence: Evidence) -> Iterator[Part]:
    yield from _removed(evidence, ID)


def _rank_adds_nothing(evidence: Evidence) -> Iterator[Part]:
    yield from _gain(evidence, ID)


def _the_same_elsewhere(evidence: Evidence) -> Iterator[Part]:
    for outcome in evidence.other_losses:
        yield _raw(evidence, outcome)
        yield from _removed(evidence, outcome)
        yield from _gain(evidence, outcome)


def _rank_is_not_enough(evidence: Evidence) -> Iterator[Part]:
    best = evidence.resampled(standing_of_best, ID, RANK)
    median = above("share of models with lower rank", 0.5)
    yield Part("best model", best, median, "observations", _final())
    found = count_high_rank_high_loss(evidence.runs, ID, RANK, evidence.passages)
    exist = at_least_one("number of models")
    yield Part("high rank, high loss", found, exist, "observations", _final())


def _effect(
    evidence: Evidence, choice: str, response: str, figure: str, name: str, rule: Rule
) -> Part:
    rows = f"choice == '{choice}' and along == '' and response == '{response}'"
    return Part(name, evidence.effect(choice, response, figure), rule, "effects", rows)


def _rises(evidence: Evidence, choice: str, response: str) -> Part:
    name = f"{choice}: {response}"
    return _effect(evidence, choice, response, "slope", name, above(SLOPE, 0))


def _batch(evidence: Evidence) -> Iterator[Part]:
    yield _rises(evidence, "batch_size", RANK)
    falls, rises = "loss falls at the smallest batch", "loss rises at the largest"
    yield _effect(evidence, "batch_size", ID, "at_lowest", falls, below(SLOPE, 0))
    yield _effect(evidence, "batch_size", ID, "at_highest", rises, above(SLOPE, 0))


def _weight_decay(evidence: Evidence) -> Iterator[Part]:
    yield _rises(evidence, "weight_decay", RANK)
    # the paper's notes do not give the direction, so the larger model's slope is compared with the
    # smaller model's, if the sign of that is known
    known = of_known_sign(SLOPE)
    smallest, largest = "loss, smallest model", "loss, largest model: opposite"
    small = _effect(evidence, "weight_decay", ID, "at_smallest", smallest, known)
    yield small
    opposite = below(SLOPE, 0) if small.estimate.value > 0 else above(SLOPE, 0)
    if known.verdict(small.estimate) != "holds":
        opposite = replace(opposite, fails=())
    yield _effect(evidence, "weight_decay", ID, "at_largest", largest, opposite)


def _annealing(evidence: Evidence) -> Iterator[Part]:
    yield _rises(evidence, "final_lr", RANK)
    yield _rises(evidence, "final_lr", ID)


def _low_rank_sound(evidence: Evidence) -> Iterator[Part]:
    exist = at_least_one("number of models")
    found = count_low_rank_sound(evidence.runs, evidence.saturation, ID, RANK)
    yield Part("low rank, not saturated", found, exist, "saturation", f"outcome == '{ID}'")


def _metrics_agree(evidence: Evidence) -> Iterator[Part]:
    rule = above("median |ρ|", AGREE)
    for matrix in ("W", "H"):
        metrics = [f"{matrix}_{metric}" for metric in DISTINCT]
        known = [name for name in metrics if name in evidence.runs]
        yield Part(
            matrix, evidence.resampled(median_agreement, known), rule, "observations", _final()
        )


def _loss_predicts_better(evidence: Evidence) -> Iterator[Part]:
    rule = above("|ρ| of ID loss - largest |ρ| of a metric", 0)
    for outcome in evidence.other_losses:
        found = evidence.resampled(advantage, outcome, ID, evidence.metrics)
        yield Part(outcome, found, rule, "observations", _final())
    for variant, outcome in evidence.finetuned_losses:
        runs = evidence.with_base_loss(variant, ID)
        found = evidence.of(runs, advantage, outcome, f"base_{ID}", evidence.metrics)
        yield Part(f"{variant}: {outcome}", found, rule, "observations", _final(variant))


def _quantized(evidence: Evidence) -> Iterator[Part]:
    for variant in evidence.quantized:
        rows = _pair(ID, variant=variant)
        found = evidence.association(ID, RANK, "residual_rho", variant=variant)
        yield Part(variant, found, within("residual ρ", SMALL), "associations", rows)
        partial = evidence.association(ID, RANK, "partial_rho", variant=variant)
        name, rule = f"{variant}: {THE_PAPERS} partial ρ", within("partial ρ", SMALL)
        yield Part(name, partial, rule, "associations", rows, decides=False)


CLAIMS = (
    Claim(1, "Models whose W has higher rank have lower ID loss.", _rank_goes_with_loss),
    Claim(2, "Controlling for training choices removes most of it.", _control_removes_it),
    Claim(3, "Rank of W adds no predictive power to the training choices.", _rank_adds_nothing),
    Claim(4, "Findings 1 to 3 also hold for OOD loss.", _the_same_elsewhere),
    Claim(5, "The best model has high rank, but high rank is not sufficient.", _rank_is_not_enough),
    Claim(6, "Larger batches raise rank; loss is U-shaped in batch size.", _batch),
    Claim(7, "Weight decay raises rank; its effect on loss changes sign with size.", _weight_decay),
    Claim(8, "Weaker learning rate annealing raises both rank and loss.", _annealing),
    Claim(9, "A model can have low rank without late degradation.", _low_rank_sound),
    Claim(10, "The metrics of a matrix agree with each other.", _metrics_agree),
    Claim(11, "ID loss predicts other losses better than any metric.", _loss_predicts_better),
    Claim(12, "Rank and loss after quantization are barely associated given training.", _quantized),
)
