"""The temperature of a head, against a closed form and a minimum that scipy finds."""

import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from disentangle.surgery.temperature import LEAST, MOST, best_scale


def test_with_two_tokens_it_is_the_logit_of_their_frequency() -> None:
    # logits +-a; a share p has the first: sigmoid(2 a tau) = p
    W, p = torch.tensor([[0.8], [-0.8]]), 0.9
    states = torch.ones(1000, 1)
    labels = (torch.arange(1000) >= 1000 * p).long()
    assert best_scale(states, W, labels) == pytest.approx(math.log(p / (1 - p)) / 1.6, rel=1e-5)


@pytest.mark.parametrize("scale", [0.05, 1.0, 20.0])
def test_it_is_the_minimum_of_the_loss(scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    W = torch.randn(40, 8, generator=generator)
    states = torch.randn(700, 8, generator=generator)
    drawn = torch.softmax(0.9 * states @ W.T, dim=1)
    labels = torch.multinomial(drawn, 1, generator=generator)[:, 0]

    def loss(tau: float) -> float:
        return float(cross_entropy(tau * (states.double() @ (scale * W).double().T), labels))

    found = best_scale(states, scale * W, labels)
    theirs = minimize_scalar(loss, bounds=(0, 5 / scale), method="bounded", options={"xatol": 1e-9})
    assert found == pytest.approx(theirs.x, rel=1e-5)
    assert found * scale == pytest.approx(0.9, abs=0.15), "the one that labels were drawn with"


def test_it_undoes_a_scale() -> None:
    generator = torch.Generator().manual_seed(1)
    W, states = torch.randn(30, 6, generator=generator), torch.randn(400, 6, generator=generator)
    labels = torch.randint(0, 30, (400,), generator=generator)
    labels = torch.where(torch.arange(400) % 3 > 0, (states @ W.T).argmax(1), labels)
    one = best_scale(states, W, labels)
    assert best_scale(states, 7 * W, labels) == pytest.approx(one / 7, rel=1e-4)


def test_it_is_bounded_where_no_factor_is_best() -> None:
    W, states = torch.eye(3), torch.eye(3).repeat(5, 1)
    right = torch.arange(3).repeat(5)
    found = best_scale(states, W, right)
    assert found <= MOST and float(cross_entropy(found * states @ W.T, right)) < 1e-6
    assert best_scale(states, -W, right) == LEAST


@pytest.mark.parametrize("scale", [1e-2, 1e2])
def test_far_from_one_it_is_found_too(scale: float) -> None:
    # at first, Newton's steps lead out of the bracket
    generator = torch.Generator().manual_seed(2)
    W, states = torch.randn(30, 6, generator=generator), torch.randn(300, 6, generator=generator)
    labels = torch.multinomial(torch.softmax(states @ W.T, dim=1), 1, generator=generator)[:, 0]
    one = best_scale(states, W, labels)
    assert best_scale(states, scale * W, labels) == pytest.approx(one / scale, rel=1e-4)
