"""The numbers that say where a run stands, against the schedule that is trained."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disentangle.study.regime import Regime, in_words, regime_of, spread_of, steps_over_tau
from disentangle.study.run import Run
from disentangle.study.sections.design import Cooldown, Hyperparameters, Late
from disentangle.study.sections.model import Model, Optimizer, Size
from disentangle.training.olmo_config import train_config
from disentangle.training.schedule import schedule_of


def run_of(steps: int = 1000, final_lr: float = 0.1, decay: float = 0.1) -> Run:
    return Run(
        name="a",
        size=Size(name="a", d_model=16, n_layers=2, n_heads=2),
        model=Model(sequence_length=64),
        optimizer=Optimizer(learning_rate=0.01),
        hyperparameters=Hyperparameters(
            tokens=steps * 512,
            batch_size=8,
            weight_decay=decay,
            learning_rate=2,
            final_lr=final_lr,
            seed=0,
        ),
        vocabulary=1000,
        rows=1024,
        steps=steps,
        checkpoints=(steps,),
    )


def changed(run: Run, **made: Any) -> Run:
    """A run with optional choices."""
    return replace(run, hyperparameters=run.hyperparameters.model_copy(update=made))


def test_numbers_by_hand() -> None:
    found = regime_of(run_of(), text_tokens=256_000)
    assert found.tokens_per_weight == 512_000 / (2 * 16 * 16 * 16)
    assert found.epochs == 2
    assert found.warmup_share == 0.05
    assert found.rows_per_dimension == 62.5
    # 50 steps at half the peak on average, 950 at (1 + .1) / 2
    assert found.steps_over_tau == pytest.approx((50 * 0.5 + 950 * 0.55) * 0.02 * 0.1)
    assert math.isnan(regime_of(run_of(), text_tokens=None).epochs)


@given(
    steps=st.integers(50, 5000),
    final_lr=st.floats(0, 1),
    decay=st.sampled_from([0.0, 0.1, 0.5]),
    cools=st.booleans(),
)
def test_steps_over_tau_is_the_sum_over_the_trained_schedule(
    steps: int, final_lr: float, decay: float, cools: bool
) -> None:
    run = run_of(steps, final_lr, decay)
    if cools:
        cooldown = Cooldown(share=0.3, warmup=round(steps * 512 * 0.1))
        h = run.hyperparameters.model_copy(update={"cooldown": cooldown})
        run = replace(run, hyperparameters=h)
    config = train_config(
        run,
        [],
        Path("states"),
        end_of_text=0,
        device="cpu",
        world_size=1,
        micro_batch=8,
        strategy="ddp",
    )
    schedule = schedule_of(run, config)
    rates = [schedule.get_lr(config.optimizer.learning_rate, t, steps) for t in range(1, steps + 1)]
    whole = decay * sum(rates)
    assert regime_of(run, None).steps_over_tau == pytest.approx(whole, rel=0.03, abs=1e-12)
    for step in (0, steps // 50, steps // 3, steps):
        expected = decay * sum(rates[:step])
        assert steps_over_tau(run, step) == pytest.approx(expected, rel=0.03, abs=0.02 * whole)


def test_a_late_decay_counts_from_its_step_on() -> None:
    run = run_of()
    late = changed(run, late=Late(at=0.6, weight_decay=0.4))
    before = steps_over_tau(run, 600)
    for step in (0, 50, 600):
        assert steps_over_tau(late, step) == steps_over_tau(run, step)
    for step in (601, 1000):
        after = steps_over_tau(run, step) - before
        assert steps_over_tau(late, step) == pytest.approx(before + 4 * after)
    # a late change of something else leaves the decay as it is
    other = changed(run, late=Late(at=0.6, head_decay=5))
    assert steps_over_tau(other, 1000) == steps_over_tau(run, 1000)


def test_epochs_are_those_of_the_tokens_that_a_run_reads() -> None:
    few = changed(run_of(), text_tokens=51_200)
    assert regime_of(few, text_tokens=256_000).epochs == 10
    assert regime_of(few, text_tokens=None).epochs == 10


def test_a_suite_that_forgot_little_says_so() -> None:
    young, old = (replace(regime_of(run_of(), None), steps_over_tau=s) for s in (0.1, 20.0))
    assert in_words([old, old, young]) == ""
    assert "2 of 3 have fewer than 3 steps per tau" in in_words([old, young, young])
    assert "90% of the initial weights" in in_words([old, young, young])


def test_the_spread_is_least_and_greatest() -> None:
    regimes = [Regime(1, 2, 0.1, 3, 4), Regime(5, 1, 0.1, 3, 8)]
    assert spread_of(regimes) == {
        "tokens_per_weight": (1, 5),
        "steps_over_tau": (1, 2),
        "warmup_share": (0.1, 0.1),
        "epochs": (3, 3),
        "rows_per_dimension": (4, 8),
    }
