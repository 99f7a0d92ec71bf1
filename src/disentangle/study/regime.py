"""The regime of a run: dimensionless numbers that say how far training went from initialisation."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from disentangle.study.run import Run

FORGOTTEN = 3.0
"""Steps over AdamW's memory from which the initialisation counts as forgotten: exp(-3), 5 %, of it
is left in the weights. Weights can leave it sooner, by learning."""


@dataclass(frozen=True)
class Regime:
    """Where a run stands. NaN for what is not known."""

    tokens_per_weight: float
    """Training tokens per weight of the blocks."""
    steps_over_tau: float
    """Steps over AdamW's memory: the sum of learning rate times weight decay over all steps."""
    warmup_share: float
    """Share of the steps in which the learning rate rises."""
    epochs: float
    """Training tokens over tokens of the text."""
    rows_per_dimension: float
    """Vocabulary rows per dimension, V / d."""


def steps_over_tau(run: Run, step: int) -> float:
    """Steps over AdamW's memory, up to a step.

    AdamW's weights are an exponential average over tau = 1 / (learning rate x weight decay) steps
    (Wang & Aitchison, arXiv 2405.13698). As the rate changes, steps / tau is the integral of rate x
    decay over the schedule: over a rise of w steps s^2 / 2w of the peak, and from there to the end,
    x running from 0 to 1 over S - w steps, (S - w) ((1 + f) x / 2 + (1 - f) sin(pi x) / 2 pi) with
    f the final share of the peak. With a cooldown the rate is the peak up to step c, and x running
    from 0 to 1 over S - c steps, the fall adds (S - c) (x - (1 - f) x^2 / 2).
    """
    h, late = run.hyperparameters, run.hyperparameters.late
    if late is None or late.weight_decay is None:
        return h.weight_decay * _rates(run, step)
    before = _rates(run, min(step, run.late_step))
    return h.weight_decay * before + late.weight_decay * (_rates(run, step) - before)


def _rates(run: Run, step: int) -> float:
    """The sum of the learning rate over the schedule up to a step."""
    h, warmup, cooling = run.hyperparameters, run.warmup_steps, run.cooling_step
    rise = min(step, warmup) ** 2 / (2 * warmup) if warmup else 0.0
    constant = max(0, min(step, cooling) - warmup)  # a cosine has no such part
    after = run.steps - cooling
    x = max(0, step - cooling) / after if after else 0.0
    if h.cooldown:
        fall = x - (1 - h.final_lr) * x**2 / 2
    else:
        fall = (1 + h.final_lr) * x / 2 + (1 - h.final_lr) * math.sin(math.pi * x) / (2 * math.pi)
    rates = rise + constant + after * fall
    return rates * h.learning_rate * run.optimizer.learning_rate


def regime_of(run: Run, text_tokens: int | None) -> Regime:
    """The regime of a run at its end.

    Args:
        run: what is trained.
        text_tokens: tokens of the training text; None if it is not tokenized yet.
    """
    tokens = run.steps * run.tokens_per_step
    read = run.hyperparameters.text_tokens or text_tokens
    return Regime(
        tokens_per_weight=tokens / run.params_non_embedding,
        steps_over_tau=steps_over_tau(run, run.steps),
        warmup_share=run.warmup_steps / run.steps,
        epochs=tokens / read if read else math.nan,
        rows_per_dimension=run.vocabulary / run.size.d_model,
    )


def spread_of(regimes: Iterable[Regime]) -> dict[str, tuple[float, float]]:
    """The least and the greatest of each number over runs."""
    found = list(regimes)
    return {
        field.name: (
            min(getattr(one, field.name) for one in found),
            max(getattr(one, field.name) for one in found),
        )
        for field in fields(Regime)
    }


def in_words(regimes: Iterable[Regime]) -> str:
    """A warning if most runs forgot too little of their initialisation; empty otherwise."""
    found = list(regimes)
    untrained = [one for one in found if one.steps_over_tau < FORGOTTEN]
    if 2 * len(untrained) <= len(found):
        return ""
    left = math.exp(-sorted(one.steps_over_tau for one in found)[len(found) // 2])
    return (
        f"Most of these models are still close to their initialisation: {len(untrained)} of "
        f"{len(found)} have fewer than {FORGOTTEN:g} steps per tau, AdamW's memory, and in the "
        f"median {left:.0%} of the initial weights is left. A high rank can then mean untrained, "
        "and associations can have the opposite sign."
    )
