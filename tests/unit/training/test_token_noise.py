"""Noise in the training text: the same tokens in every epoch, and in no other text."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import Bench

from disentangle.training.batches import LateText, batches_of
from disentangle.training.olmo_config import train_config
from disentangle.training.token_noise import TokenNoise


@given(
    st.floats(0.05, 0.95), st.integers(2, 5000), st.integers(0, 10**6), st.integers(0, 2**32 - 1)
)
def test_a_smaller_share_is_part_of_a_larger_one(
    share: float, vocabulary: int, sequence: int, seed: int
) -> None:
    tokens = np.random.default_rng(seed).integers(vocabulary, size=256)
    noisy = TokenNoise(share, vocabulary).of(tokens, sequence)
    assert noisy.dtype == tokens.dtype and noisy.min() >= 0 and noisy.max() < vocabulary
    assert (noisy == TokenNoise(share, vocabulary).of(tokens, sequence)).all()
    fewer = TokenNoise(share / 2, vocabulary).of(tokens, sequence)
    assert ((fewer == tokens) | (fewer == noisy)).all()


def test_the_share_is_met_and_draws_are_uniform() -> None:
    tokens = np.full(1000, 7)
    noisy = np.concatenate([TokenNoise(0.3, 50).of(tokens, i) for i in range(100)])
    assert (noisy != 7).mean() == pytest.approx(0.3 * 49 / 50, abs=0.005)
    counts = np.bincount(noisy[noisy != 7], minlength=50)
    assert counts[7] == 0 and np.delete(counts, 7) == pytest.approx(600, abs=120)


def test_every_epoch_has_the_same_noise_and_late_text_has_none(bench: Bench) -> None:
    h = bench.runs[0].hyperparameters
    run = bench.run(hyperparameters=h.model_copy(update={"token_noise": 0.4}))
    config = train_config(
        run,
        [bench.tokens],
        Path("none"),
        end_of_text=0,
        device="cpu",
        world_size=1,
        micro_batch=h.batch_size,
        strategy="ddp",
    )
    noisy, clean = batches_of(run, config), batches_of(bench.runs[0], config)
    replaced = [
        (noisy.sequence(i) != clean.sequence(i)).float().mean() for i in range(len(clean.dataset))
    ]
    assert float(np.mean(replaced)) == pytest.approx(0.4, abs=0.02)
    steps = noisy.total_size // h.batch_size
    for step in (1, 2, 1 + steps):  # the last is of another epoch
        batch, order = noisy.of_step(step), noisy.get_global_indices()
        first = int(order[(step - 1) % steps * h.batch_size])
        assert (batch[0] == noisy.sequence(first)).all()
    late = LateText(bench.tokens, after=2, steps=4)
    changed, untouched = batches_of(run, config, late), batches_of(bench.runs[0], config, late)
    assert (changed.of_step(1) != untouched.of_step(1)).any()
    assert (changed.of_step(4) == untouched.of_step(4)).all()
