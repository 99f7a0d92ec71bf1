"""How the loss of each token moves over training: tokens by the kind of their trajectory.

After Xia et al. 2023 (arXiv 2212.09803), who found that most tokens' losses fall or stagnate, and
that those of about a tenth rise and fall again.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

Floats = NDArray[np.float64]

AFTER = 0.1
"""Falls and rises are of the trajectory after this share of training, as in the source: nearly all
losses fall before."""

BENT_AFTER = 0.01
"""A rise and fall is looked for after this share."""

LEVEL = 0.05
"""Of the t tests of slope and curvature."""

FEWEST = 5
"""Checkpoints after that share without which nothing is said."""

INNER = 0.1
"""The peak of a rise and fall lies at least this share of the range from both ends."""

KINDS = ("falls", "rises", "stagnates", "rises and falls")
"""The first three exclude one another; the last may be any of them."""


def trends(share: Floats, losses: Floats, seed: int) -> list[dict[str, Any]]:
    """The share of tokens of each kind.

    Falls and rises: the slope of least squares on ln step has a p below `LEVEL`; stagnates: it has
    not. Rises and falls: in the least-squares parabola in ln step the curvature is negative with
    such a p, and the vertex lies within the range. The source gives its kinds by slopes too; its
    rise and fall is seen in groups of tokens, not decided for each.

    Args:
        share: each checkpoint's share of training, ascending, above 0, shape (n,).
        losses: nats, shape (tokens, n).
        seed: of the permutations behind `by_chance`.

    Returns:
        For each of `KINDS`: kind, share (of the tokens), by_chance (the same if each token's
        losses were in random order), checkpoints used, tokens. Nothing for fewer than `FEWEST`
        checkpoints.
    """
    shuffled = np.random.default_rng(seed).permuted(losses, axis=1)
    late, bendable = share >= AFTER, share >= BENT_AFTER
    if late.sum() < FEWEST:
        return []
    used = (late, late, late, bendable)
    return [
        {
            "kind": kind,
            "share": true,
            "by_chance": chance,
            "checkpoints": int(checkpoints.sum()),
            "tokens": len(losses),
        }
        for kind, true, chance, checkpoints in zip(
            KINDS,
            _shares(share, losses, late, bendable),
            _shares(share, shuffled, late, bendable),
            used,
            strict=True,
        )
    ]


def _shares(
    share: Floats, losses: Floats, late: NDArray[np.bool_], bendable: NDArray[np.bool_]
) -> list[float]:
    """The share of each of `KINDS`."""
    slope, p = _last_coefficient(np.log(share[late]), losses[:, late], degree=1)
    sure = p < LEVEL
    bent = _rises_and_falls(np.log(share[bendable]), losses[:, bendable])
    return [float(kind.mean()) for kind in (sure & (slope < 0), sure & (slope > 0), ~sure, bent)]


def _last_coefficient(x: Floats, losses: Floats, degree: int) -> tuple[Floats, Floats]:
    """The polynomial's highest coefficient of each token, and its two-sided p."""
    X = np.vander(x - x.mean(), degree + 1)  # the highest power first
    inverse = np.linalg.pinv(X)
    coefficients = losses @ inverse.T
    residual = losses - coefficients @ X.T
    df = len(x) - degree - 1
    variance = (residual**2).sum(axis=1) / df * (inverse @ inverse.T)[0, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(coefficients[:, 0]) / np.sqrt(variance)
    p = 2 * student_t.sf(np.nan_to_num(t, nan=0.0, posinf=np.inf), df)
    return coefficients[:, 0], np.asarray(p)


def _rises_and_falls(x: Floats, losses: Floats) -> NDArray[np.bool_]:
    curvature, p = _last_coefficient(x, losses, degree=2)
    centred = x - x.mean()
    slope = losses @ np.linalg.pinv(np.vander(centred, 3)).T[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = -slope / (2 * curvature)
    reach = INNER * np.ptp(centred)
    inside = (vertex > centred[0] + reach) & (vertex < centred[-1] - reach)
    return (curvature < 0) & (p < LEVEL) & inside
