"""Anderson and Rubin's set with all arms as instruments, by permutation: it tests exclusion too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from disentangle.causal.confidence_set import ConfidenceSet, where_not_negative
from disentangle.causal.sample import Integers, Sample
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.rearrangements import rearrangements


@dataclass(frozen=True)
class AndersonRubin:
    """What the permutations say."""

    accepted: ConfidenceSet
    """Slopes for which no arm is seen to do anything beside the exposure."""
    p: float
    """For a slope of zero: that no arm changes the outcome at all."""


@lru_cache(maxsize=8)
def _orders(blocks: tuple[int, ...], count: int, seed: int) -> tuple[Integers, bool]:
    """Rearrangements within blocks; the same for all outcomes of a design."""
    block = np.array(blocks)
    members = [np.flatnonzero(block == number) for number in range(max(blocks) + 1)]
    return rearrangements(members, len(block), count, seed)


def anderson_rubin(found: Sample, *, permutations: int, seed: int) -> AndersonRubin:
    """Invert the permutation test of "outcome - b exposure does not depend on the arm".

    The statistic is the sum of squares between arms within blocks, u'Pu with P the projection on
    the arms' indicators, of u = outcome - b exposure minus block means. It is quadratic in b, and
    so is its difference to that of each rearrangement of u within blocks. So the set is exact for
    the rearrangements: all of them up to `rearrangements.EXACT_UP_TO`, else random ones and the
    observed order. Exact at any strength of the instruments if the exposure is all that arms act
    through, with the same b for all, and noise is exchangeable between the arms of a block
    (Imbens & Rosenbaum 2005).

    The set is empty if no b fits all arms: exclusion or linearity fails. So a narrow set is no
    proof of a precise slope, and verdicts rest on `two_stage`'s interval.
    """
    order, exact = _orders(tuple(found.block.tolist()), permutations, seed)
    z = found.instruments()
    # u'Pu is the sum of squares of u on an orthonormal basis of the indicators
    left, sigma, _ = np.linalg.svd(z, full_matrices=False)
    basis = left[:, sigma > 1e-9 * sigma[0]]
    x, y = found.within(found.exposure), found.within(found.outcome)
    of_x, of_y = x[order] @ basis, y[order] @ basis
    every = _coefficients(of_x, of_y)
    observed = _coefficients((x @ basis)[None], (y @ basis)[None])[0]
    scale = np.array([float(x @ x), 2 * float(np.sqrt((x @ x) * (y @ y))), float(y @ y)])
    regions = where_not_negative(every - observed, scale)
    as_large = np.sum(every[:, 2] >= observed[2] - 1e-10 * scale[2])
    if exact:
        return AndersonRubin(regions.accepted(), float(as_large / len(order)))
    regions = regions.with_observed()
    return AndersonRubin(regions.accepted(), float((1 + as_large) / (1 + len(order))))


def _coefficients(of_x: Floats, of_y: Floats) -> Floats:
    """Of |y - b x|^2 for each row: those of b^2, b and 1 (m x 3)."""
    return np.column_stack(
        [
            np.einsum("mk,mk->m", of_x, of_x),
            -2 * np.einsum("mk,mk->m", of_x, of_y),
            np.einsum("mk,mk->m", of_y, of_y),
        ]
    )
