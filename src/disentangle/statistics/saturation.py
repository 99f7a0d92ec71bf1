"""Does a run get worse late in training, and does its rank fall before, with or after that?

Saturation as in Godey et al. 2024 (arXiv 2404.07647): a small model's loss reaches a minimum and
then rises. The minimum of many noisy checkpoints is below the last one by chance alone, so the test
compares the rise with that of a curve that never rises. Checkpoints are evaluated on the same
passages, so the errors of their losses have a covariance, which is taken into account. A rise must
also be larger than the run's own movements up and down; see `fluctuation`.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from disentangle.checkpoint.references import BASE
from disentangle.statistics.fluctuation import Curve, pooled_fluctuation
from disentangle.tables.passages import NO_PASSAGES, Passages, places
from disentangle.vocabulary.scores import BITS_PER_BYTE, CHANGE, LESS_IS_BETTER, LOSS, STDERR

Floats = NDArray[np.float64]

ALPHA = 0.05
"""Nominal false positive rate. Of flat curves, the hardest null, 6 to 7 % are called saturated."""

SMALLEST = 1e-12
"""Share of the largest eigenvalue of errors' covariance that the others have at least."""

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""

RANKS = ("W_effective_rank", "W_effective_rank_pct")
"""Columns to search for a fall; within a run they differ only by a factor."""

PAIRED = "paired, passage by passage"

Verdict = Literal["saturated", "not saturated", "undecided"]
Order = Literal["before", "with", "after"]


@dataclass(frozen=True)
class Saturation:
    """How a trajectory ends."""

    best_step: int
    """Step of the lowest value."""
    last_step: int
    degradation: float
    """Last value minus the lowest."""
    low: float
    high: float
    """Interval of the true rise. `low` is the lower 95 % bound of the last value minus the lowest.
    `high` is the upper 95 % bound of the last value minus the earlier value from which the rise may
    be largest."""
    p: float
    """Share of never-rising curves with these errors whose last value is at least as far above
    their lowest."""
    p_fluctuating: float
    """The same of curves that also fluctuate."""
    verdict: Verdict


def saturation(
    steps: NDArray[np.int64],
    values: Floats,
    covariance: Floats,
    *,
    tolerance: float,
    resamples: int,
    seed: int,
    fluctuation: float = 0.0,
) -> Saturation:
    """Judge one run's trajectory of a quantity that should fall.

    Null: the true curve never rises. `never_rising` gives the closest such curve. Normal noise with
    the given covariance is added to it `resamples` times; p is the share of these curves whose
    degradation is at least the observed one. Then the same with the fluctuation's variance added to
    that of every value.

    Rule: "not saturated" if the upper end of the interval is below `tolerance`; else "saturated" if
    both p < 0.05; else "undecided". A rise that is certainly negligible is thus no saturation, and
    neither is one that is real but no larger than the run's other movements.

    Args:
        steps: ascending, shape (k,), k >= 2; step 0 is left out by the caller.
        values: shape (k,).
        covariance: of the values' errors, shape (k, k), positive on the diagonal. That of
            independent errors is diagonal, which makes the test conservative if checkpoints were
            evaluated on the same passages.
        tolerance: the largest negligible degradation, in the unit of the values.
        resamples: simulated curves.
        seed: random seed of the simulation.
        fluctuation: standard deviation of a value around the run's course; see
                `pooled_fluctuation`.

    Raises:
        ValueError: if shapes differ, steps do not ascend, or an error is not positive.
    """
    k = len(steps)
    if not (k == len(values) >= 2) or covariance.shape != (k, k):
        raise ValueError("needs as many values and errors as steps, and two at least")
    variances = np.diag(covariance)
    if np.any(np.diff(steps) <= 0) or not np.all(variances > 0) or not np.all(np.isfinite(values)):
        raise ValueError("steps must ascend, errors be positive, and values finite")
    best = int(np.argmin(values))
    degradation = float(values[-1] - values[best])
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal((resamples, k))
    p = _share_as_high(values, covariance, noise)
    p_fluctuating = p
    if fluctuation > 0:
        p_fluctuating = _share_as_high(values, covariance + fluctuation**2 * np.eye(k), noise)
    squared = variances[:-1] + variances[-1] - 2 * covariance[-1, :-1]
    spread = Z * np.sqrt(np.maximum(squared, 0))
    low = degradation - float(spread[best]) if best < len(values) - 1 else 0.0
    # take the earlier checkpoint from which the true rise could be largest
    high = max(0.0, float(np.max(values[-1] - values[:-1] + spread)))
    verdict: Verdict = "undecided"
    if high < tolerance:
        verdict = "not saturated"
    elif max(p, p_fluctuating) < ALPHA:
        verdict = "saturated"
    return Saturation(
        best_step=int(steps[best]),
        last_step=int(steps[-1]),
        degradation=degradation,
        low=low,
        high=high,
        p=p,
        p_fluctuating=p_fluctuating,
        verdict=verdict,
    )


def _share_as_high(values: Floats, covariance: Floats, noise: Floats) -> float:
    """Share of never-rising curves with noise whose last value is as far above their lowest."""
    root = _root(covariance)
    curves = never_rising(values, root) + noise @ root
    simulated = curves[:, -1] - curves.min(axis=1)
    # the observed curve counts as one of the simulated ones, so the share is never 0
    reached = np.sum(simulated >= values[-1] - values.min())
    return float((1 + reached) / (1 + len(noise)))


def _root(covariance: Floats) -> Floats:
    """The symmetric square root. Directions with next to no error get a little, so that it has an
    inverse: two checkpoints may be nearly equal."""
    values, vectors = np.linalg.eigh(covariance)
    floored = np.maximum(values, values[-1] * SMALLEST)
    return np.asarray(vectors * np.sqrt(floored) @ vectors.T)


def never_rising(values: Floats, root: Floats) -> Floats:
    """The closest curve that never rises: generalised least squares.

    It minimises (x - m)' C^-1 (x - m) over curves m with m_1 >= m_2 >= ..., written as a level and
    falls that are not negative. For independent errors this is isotonic regression.

    Args:
        values: the curve x, shape (k,).
        root: symmetric square root of the covariance C of its errors, shape (k, k).
    """
    k = len(values)
    curves = np.column_stack([np.ones(k), -np.tri(k)[:, 1:]])
    lowest = np.r_[-np.inf, np.zeros(k - 1)]
    whitened = np.linalg.solve(root, np.column_stack([curves, values]))
    found = lsq_linear(whitened[:, :-1], whitened[:, -1], (lowest, np.inf), method="bvls")
    return np.asarray(curves @ found.x)


@dataclass(frozen=True)
class RankFall:
    """Where a run's rank was highest, and how far below that it ended."""

    peak_step: int
    fall: float
    """Share of the peak that was lost at the end."""

    def order(self, best_step: int) -> Order:
        """Whether the rank began to fall before, at or after the step with the lowest loss."""
        if self.peak_step == best_step:
            return "with"
        return "before" if self.peak_step < best_step else "after"


def rank_fall(steps: NDArray[np.int64], ranks: Floats) -> RankFall:
    """Find the peak of a run's rank; the caller leaves out step 0.

    Args:
        steps: ascending, shape (k,).
        ranks: shape (k,), positive.
    """
    peak = int(np.argmax(ranks))
    return RankFall(peak_step=int(steps[peak]), fall=float(1 - ranks[-1] / ranks[peak]))


def judge_runs(
    observations: pd.DataFrame,
    passages: Passages = NO_PASSAGES,
    *,
    tolerance: float,
    resamples: int,
    seed: int,
    correlation: float = 0.0,
) -> list[dict[str, Any]]:
    """Test every run for saturation by every score that has standard errors.

    Scores that are higher for better models are negated first. Errors of losses on the same
    passages are taken passage by passage; where passages are not known, as assumed.

    Args:
        observations: the observations table; a score `x` has its errors as `x_stderr`.
        passages: losses of single passages.
        tolerance: see `saturation`.
        resamples: see `saturation`.
        seed: see `saturation`; the same for all runs.
        correlation: between the errors of two checkpoints, where passages are not known.

    Returns:
        Rows of the saturation table. Runs with fewer than two checkpoints after step 0 that were
        evaluated with an error are left out. If the rank of W is not known, its fall is None.
    """
    trained = observations[(observations["variant"] == BASE) & (observations["step"] > 0)]
    rank = next((name for name in RANKS if name in trained), None)
    rows = []
    for outcome in _judged(trained.columns):
        known = trained[f"{outcome}{STDERR}"] > 0
        if rank:
            known &= trained[rank].notna()
        curves = {
            run: curve.sort_values("step")
            for run, curve in trained[known].groupby("run")
            if len(curve) > 1
        }
        moves = pooled_fluctuation(
            Curve(curve["step"].to_numpy(), curve[outcome].to_numpy(np.float64))
            for curve in curves.values()
        )
        for run, curve in curves.items():
            steps = curve["step"].to_numpy()
            values = curve[outcome].to_numpy(np.float64)
            covariance = passages.covariance(outcome, places(curve))
            errors = curve[f"{outcome}{STDERR}"].to_numpy(np.float64)
            found = saturation(
                steps,
                values if outcome.endswith(LESS_IS_BETTER) else -values,
                _assumed(errors, correlation) if covariance is None else covariance,
                tolerance=tolerance,
                resamples=resamples,
                seed=seed,
                fluctuation=moves or 0.0,
            )
            fall = rank_fall(steps, curve[rank].to_numpy(np.float64)) if rank else None
            rows.append(
                {
                    "run": run,
                    "outcome": outcome,
                    "checkpoints": len(curve),
                    "best_step": found.best_step,
                    "last_step": found.last_step,
                    "degradation": found.degradation,
                    "degradation_low": found.low,
                    "degradation_high": found.high,
                    "p": found.p,
                    "fluctuation": moves,
                    "p_fluctuating": found.p_fluctuating,
                    "verdict": found.verdict,
                    "errors": PAIRED if covariance is not None else _in_words(correlation),
                    "rank_peak_step": fall.peak_step if fall else None,
                    "rank_fall": fall.fall if fall else None,
                    "rank_order": fall.order(found.best_step) if fall else None,
                }
            )
    return sorted(rows, key=lambda row: (row["run"], row["outcome"]))


def _assumed(errors: Floats, correlation: float) -> Floats:
    """Covariance of errors with one correlation between any two."""
    k = len(errors)
    return np.outer(errors, errors) * (correlation + (1 - correlation) * np.eye(k))


def _in_words(correlation: float) -> str:
    return f"assumed correlation {correlation:g}" if correlation else "assumed independent"


def _judged(columns: pd.Index) -> list[str]:
    """Scores with errors, without losses per token if the same loss per byte exists."""
    errors = (name for name in columns if name.endswith(STDERR))
    scores = [name.removesuffix(STDERR) for name in errors if not name.endswith(CHANGE + STDERR)]
    per_byte = {name.removesuffix(BITS_PER_BYTE.ending) for name in scores}
    return [
        name
        for name in scores
        if name in columns
        and not (name.endswith(LOSS.ending) and name.removesuffix(LOSS.ending) in per_byte)
    ]
