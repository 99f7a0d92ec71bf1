"""What is done to W: it reaches its target, keeps what it says, and survives odd spectra."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from disentangle.geometry.final_norm import FinalNorm
from disentangle.geometry.function_level import projected
from disentangle.interventions.gauge import push_gauge, unprojected_rank
from disentangle.interventions.norm import push_norm
from disentangle.interventions.projected_spectrum import effective_rank, projected_spectrum
from disentangle.interventions.push import Push
from disentangle.interventions.rotation import push_rotation
from disentangle.interventions.spectrum import exponent_for, push_spectrum
from disentangle.study.sections.interventions import (
    Gauge,
    InitialSpectrum,
    Norm,
    Rotate,
    Spectrum,
    dose_of,
)

NORM = FinalNorm(subtracts_mean=True, gain=torch.ones(1, dtype=torch.float64))


def a_head(rows: int = 70, d: int = 12, seed: int = 0, dtype: torch.dtype = torch.float64):
    """A head with a mean row, and a spectrum that falls."""
    generator = torch.Generator().manual_seed(seed)
    W = torch.randn(rows, d, generator=generator, dtype=torch.float64)
    W = W * torch.logspace(0, -1.5, d, dtype=torch.float64)
    W = W @ torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64)).Q
    return (W + torch.randn(d, generator=generator, dtype=torch.float64)).to(dtype)


def singular_values(W: torch.Tensor, rows: int) -> np.ndarray:
    """Of W~, by another route: the geometry's own projection and numpy's SVD."""
    return np.linalg.svd(projected(W[:rows], NORM).numpy(), compute_uv=False)[:-1]


def rank_of(sigma: np.ndarray) -> float:
    p = sigma / sigma.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def test_the_projected_spectrum_is_that_of_the_geometry() -> None:
    W = a_head()
    found = projected_spectrum(W, 64)
    theirs = singular_values(W, 64)
    assert len(found.sigma) == 11  # not the direction 1
    assert np.allclose(found.sigma.numpy(), theirs, rtol=1e-7)
    assert found.effective_rank == pytest.approx(rank_of(theirs), rel=1e-9)
    assert found.norm == pytest.approx(math.sqrt((theirs**2).sum()), rel=1e-9)
    assert np.abs(found.vectors.sum(dim=0).numpy()).max() < 1e-9
    single = projected_spectrum(W.float(), 64)
    assert single.effective_rank == pytest.approx(found.effective_rank, rel=1e-5)


@given(st.floats(0.15, 0.95), st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_a_push_sets_the_rank_and_keeps_the_norm(target: float, seed: int) -> None:
    W = a_head(seed=seed)
    before = projected_spectrum(W, 64)
    claimed = push_spectrum(W, before, target * 11)
    after = singular_values(W, 64)
    assert rank_of(after) == pytest.approx(target * 11, rel=1e-6)
    assert math.sqrt((after**2).sum()) == pytest.approx(before.norm, rel=1e-9)
    assert np.allclose(claimed.sigma.numpy(), after, rtol=1e-6)


def test_the_exponent_is_the_temperature_of_a_softmax() -> None:
    sigma = torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)
    a = exponent_for(sigma, effective_rank(sigma**2.5))
    assert a == pytest.approx(2.5, abs=1e-9)
    assert exponent_for(sigma, 3.0) == pytest.approx(0.0, abs=1e-3)  # flat at a = 0, where R = k


def test_ties_and_tiny_singular_values_are_survived() -> None:
    tied = torch.ones(6, dtype=torch.float64)
    assert math.isfinite(exponent_for(tied, 2.0))  # ties cannot be told apart, and R stays
    generator = torch.Generator().manual_seed(1)
    for spread in (torch.ones(12), torch.logspace(0, -9, 12), torch.tensor([1.0] * 6 + [0.0] * 6)):
        U = torch.linalg.qr(torch.randn(70, 12, generator=generator, dtype=torch.float64)).Q
        W = (U * spread).float()
        for target in (2.0, 9.0):
            pushed = W.clone()
            for _ in range(5):
                push_spectrum(pushed, projected_spectrum(pushed, 70), target)
            assert torch.isfinite(pushed).all()
            found = projected_spectrum(pushed, 70)
            assert found.norm == pytest.approx(projected_spectrum(W, 70).norm, rel=1e-3)
    # what rounding left of a direction is not blown up, so a rank that is lost is not made up
    assert found.effective_rank < 7


@given(st.floats(1e-4, 0.3), st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_a_turn_has_its_size_and_moves_no_singular_value(size: float, seed: int) -> None:
    W = a_head(seed=seed)
    before, spectrum = projected(W[:64], NORM), projected_spectrum(W, 64)
    push_rotation(W, spectrum, size, np.random.default_rng(seed))
    after = projected(W[:64], NORM)
    # W e^K - W is W K to first order
    assert float((after - before).norm()) == pytest.approx(
        size * spectrum.norm, rel=2 * size + 1e-6
    )
    theirs = np.linalg.svd(before.numpy(), compute_uv=False)
    assert np.allclose(np.linalg.svd(after.numpy(), compute_uv=False), theirs, atol=1e-12)


def test_the_norm_moves_alone() -> None:
    W = a_head()
    before = projected_spectrum(W, 64)
    push_norm(W, before, 0.3)
    after = projected_spectrum(W, 64)
    assert after.rms == pytest.approx(0.3, rel=1e-9)
    assert after.effective_rank == pytest.approx(before.effective_rank, rel=1e-9)


def test_the_gauge_moves_the_rank_of_w_and_no_prediction() -> None:
    W = a_head(dtype=torch.float64)
    v = torch.zeros(12, dtype=torch.float64)
    v[3] = 1
    hidden = torch.randn(5, 12, dtype=torch.float64)
    before = torch.log_softmax(hidden @ W.T, dim=1)  # over padding rows too, as in training
    sigma = np.linalg.svd(W[:64].numpy(), compute_uv=False)
    assert unprojected_rank(W, 64) == pytest.approx(rank_of(sigma), rel=1e-9)
    fixed = singular_values(W, 64)
    push_gauge(W, 64, v, 0.25 * 12)
    assert float((torch.log_softmax(hidden @ W.T, dim=1) - before).abs().max()) < 1e-12
    after = np.linalg.svd(W[:64].numpy(), compute_uv=False)
    assert rank_of(after) == pytest.approx(3, rel=1e-5)
    assert np.allclose(singular_values(W, 64), fixed, rtol=1e-9)


@pytest.mark.parametrize(
    ("does", "reached"),
    [
        (
            Spectrum(kind="spectrum", target=0.3),
            lambda W: projected_spectrum(W, 64).effective_rank / 11,
        ),
        (Norm(kind="norm", rms=0.2), lambda W: projected_spectrum(W, 64).rms),
        (
            Gauge(kind="gauge", target=0.3),
            lambda W: rank_of(np.linalg.svd(W[:64].numpy(), compute_uv=False)) / 12,
        ),
    ],
)
def test_a_controller_reaches_its_target_and_holds_it_against_drift(does, reached) -> None:
    """Noise moves W before each push, as an optimizer does."""
    W, push = a_head(), Push(does, rows=64, seed=0)
    push.begin(W)
    begun = reached(W)
    assert push.start == pytest.approx(begun, rel=1e-6)
    generator = torch.Generator().manual_seed(2)
    found = []
    for step in range(1, 401):
        W += 2e-3 * torch.randn(W.shape, generator=generator, dtype=W.dtype)
        logged = push.after_step(W, step)
        assert logged is not None and 0 < logged.size < 0.3
        found.append(reached(W))
    way = np.log(np.array(found) / dose_of(does)) / np.log(begun / dose_of(does))
    assert way[[0, 9, 49]] == pytest.approx([0.95, 0.95**10, 0.95**50], abs=1e-3)
    assert np.abs(np.array(found[200:]) / dose_of(does) - 1).max() < 1e-3


def test_pushes_are_the_same_again_and_come_when_they_are_due() -> None:
    does = Rotate(kind="rotate", size=0.01, every=3)
    one, other = a_head(), a_head()
    logged = [Push(does, 64, seed=7).after_step(one, step) is not None for step in range(1, 10)]
    assert logged == [False, False, True] * 3
    for step in (3, 6, 9):
        Push(does, 64, seed=7).after_step(other, step)
    assert torch.equal(one, other)
    again = a_head()
    for step in (3, 6, 9):
        Push(does, 64, seed=8).after_step(again, step)
    assert not torch.equal(one, again)


def test_an_initial_spectrum_is_made_at_once_and_left_alone() -> None:
    W, push = a_head(), Push(InitialSpectrum(kind="initial_spectrum", target=0.5), 64, seed=0)
    push.begin(W)
    made = W.clone()
    assert rank_of(singular_values(W, 64)) == pytest.approx(5.5, rel=1e-6)
    logged = push.after_step(W, 1)
    assert logged is not None and logged.size == 0
    assert logged.effective_rank == pytest.approx(5.5, rel=1e-6)
    assert torch.equal(W, made)
