"""Does a run get worse late in training, and does its rank fall before, with or after that?

Saturation as in Godey et al. 2024 (arXiv 2404.07647): a small model's loss reaches a minimum and
then rises. The minimum of many noisy checkpoints is below the last one by chance alone, so the test
compares the rise with that of a curve that never rises.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from disentangle.checkpoint.references import BASE
from disentangle.vocabulary.scores import BITS_PER_BYTE, LESS_IS_BETTER, LOSS, STDERR

Floats = NDArray[np.float64]

ALPHA = 0.05
"""False positive rate: the share of unsaturated runs that are called saturated."""

Z = 1.959963984540054
"""97.5 % point of the normal distribution."""

RANKS = ("W_effective_rank", "W_effective_rank_pct")
"""Columns to search for a fall; within a run they differ only by a factor."""

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
    be largest. Errors are treated as independent."""
    p: float
    """Share of never-rising curves with this noise whose last value is at least as far above their
    lowest."""
    verdict: Verdict


def saturation(
    steps: NDArray[np.int64],
    values: Floats,
    errors: Floats,
    *,
    tolerance: float,
    resamples: int,
    seed: int,
) -> Saturation:
    """Judge one run's trajectory of a quantity that should fall.

    Null: the true curve never rises. Isotonic regression (weights 1/error^2) gives the closest such
    curve. Noise with the given errors is added to it `resamples` times; p is the share of these
    curves whose degradation is at least the observed one.

    Rule: "saturated" if p < 0.05; else "not saturated" if the upper end of the interval is below
    `tolerance`; else "undecided".

    Errors of checkpoints that were evaluated on the same passages are positively correlated;
    treating them as independent makes the test conservative.

    Args:
        steps: ascending, shape (k,), k >= 2; step 0 is left out by the caller.
        values: shape (k,).
        errors: standard errors, shape (k,), positive.
        tolerance: the largest negligible degradation, in the unit of the values.
        resamples: simulated curves.
        seed: random seed of the simulation.

    Raises:
        ValueError: if shapes differ, steps do not ascend, or an error is not positive.
    """
    if not (len(steps) == len(values) == len(errors) >= 2):
        raise ValueError("needs as many values and errors as steps, and two at least")
    if np.any(np.diff(steps) <= 0) or np.any(errors <= 0) or not np.all(np.isfinite(values)):
        raise ValueError("steps must ascend, errors be positive, and values finite")
    best = int(np.argmin(values))
    degradation = float(values[-1] - values[best])
    never_rising = IsotonicRegression(increasing=False).fit_transform(
        np.arange(len(values)), values, sample_weight=errors**-2.0
    )
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal((resamples, len(values)))
    curves = never_rising + noise * errors
    simulated = curves[:, -1] - curves.min(axis=1)
    # the observed curve counts as one of the simulated ones, so p is never 0
    p = float((1 + np.sum(simulated >= degradation)) / (1 + resamples))
    spread = Z * np.hypot(errors[:-1], errors[-1])
    low = degradation - float(spread[best]) if best < len(values) - 1 else 0.0
    # take the earlier checkpoint from which the true rise could be largest
    high = max(0.0, float(np.max(values[-1] - values[:-1] + spread)))
    verdict: Verdict = "undecided"
    if p < ALPHA:
        verdict = "saturated"
    elif high < tolerance:
        verdict = "not saturated"
    return Saturation(
        best_step=int(steps[best]),
        last_step=int(steps[-1]),
        degradation=degradation,
        low=low,
        high=high,
        p=p,
        verdict=verdict,
    )


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
    observations: pd.DataFrame, *, tolerance: float, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Test every run for saturation by every score that has standard errors.

    Scores that are higher for better models are negated first.

    Args:
        observations: the observations table; a score `x` has its errors as `x_stderr`.
        tolerance: see `saturation`.
        resamples: see `saturation`.
        seed: see `saturation`; the same for all runs.

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
        for run, curve in trained[known].groupby("run"):
            if len(curve) < 2:
                continue
            curve = curve.sort_values("step")
            steps = curve["step"].to_numpy()
            values = curve[outcome].to_numpy(np.float64)
            found = saturation(
                steps,
                values if outcome.endswith(LESS_IS_BETTER) else -values,
                curve[f"{outcome}{STDERR}"].to_numpy(np.float64),
                tolerance=tolerance,
                resamples=resamples,
                seed=seed,
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
                    "verdict": found.verdict,
                    "rank_peak_step": fall.peak_step if fall else None,
                    "rank_fall": fall.fall if fall else None,
                    "rank_order": fall.order(found.best_step) if fall else None,
                }
            )
    return sorted(rows, key=lambda row: (row["run"], row["outcome"]))


def _judged(columns: pd.Index) -> list[str]:
    """Scores with errors, without losses per token if the same loss per byte exists."""
    scores = [name.removesuffix(STDERR) for name in columns if name.endswith(STDERR)]
    per_byte = {name.removesuffix(BITS_PER_BYTE.ending) for name in scores}
    return [
        name
        for name in scores
        if name in columns
        and not (name.endswith(LOSS.ending) and name.removesuffix(LOSS.ending) in per_byte)
    ]
