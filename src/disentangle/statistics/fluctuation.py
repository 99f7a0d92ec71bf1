"""How much a run's loss moves up and down from checkpoint to checkpoint while it trains.

With each step a model moves, and its loss on given text with it, even where training as a whole
stands still. That is no error of measurement: more passages do not make it smaller. A late rise
that is no larger than such movements is not a late rise of the run.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST = 10
"""Fewer deviations than this give no standard deviation."""

ALIKE = 3
"""Of so many runs or more, the median deviation is taken as curvature that they share."""

NORMAL = 1.4826
"""Standard deviation over median absolute value, of normal numbers."""


class Curve(NamedTuple):
    """A run's values at its checkpoints."""

    steps: NDArray[np.int64]
    """Ascending and above 0, shape (k,)."""
    values: Floats


def pooled_fluctuation(curves: Iterable[Curve]) -> float | None:
    """Standard deviation of a checkpoint's value around its run's course, the same for all runs.

    A value is compared with the line through its two neighbours, in t = ln step:

        d_i = x_i - a x_(i-1) - (1 - a) x_(i+1),    a = (t_(i+1) - t_i) / (t_(i+1) - t_(i-1)),

    divided by sqrt(1 + a^2 + (1 - a)^2), and its median over runs at the same place i of as many
    checkpoints is subtracted, as runs of a suite bend alike. The result is 1.4826 times the median
    absolute value, over the second half of each run, where it bends little. A run that is made to
    rise bends, but does so at one or two places, which a median does not notice.

    Returns:
        None if there are fewer than 10 deviations.
    """
    at: dict[tuple[int, int], list[float]] = {}
    for curve in curves:
        k, t, x = len(curve.steps), np.log(curve.steps), curve.values
        for i in range(max(1, k // 2), k - 1):
            a = (t[i + 1] - t[i]) / (t[i + 1] - t[i - 1])
            d = x[i] - a * x[i - 1] - (1 - a) * x[i + 1]
            at.setdefault((k, i), []).append(float(d / np.sqrt(1 + a**2 + (1 - a) ** 2)))
    if sum(map(len, at.values())) < FEWEST:
        return None
    left = [np.array(d) - (np.median(d) if len(d) >= ALIKE else 0.0) for d in at.values()]
    return float(NORMAL * np.median(np.abs(np.concatenate(left))))
