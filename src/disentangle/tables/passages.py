"""Errors of differences between losses on the same passages, taken passage by passage.

Two evaluations on the same passages share most of their error: a hard passage is hard for both.
The error of their difference is therefore much smaller than two independent errors would give.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disentangle.vocabulary.scores import BITS_PER_BYTE

Floats = NDArray[np.float64]

Place = tuple[str, int, str]
"""Run, step and variant of an evaluation."""


def places(rows: pd.DataFrame) -> list[Place]:
    """The evaluations of rows of the observations table."""
    return list(rows[["run", "step", "variant"]].itertuples(index=False, name=None))


def covariance_of_ratios(totals: Floats, sizes: Floats) -> Floats:
    """Covariance of the ratios R_j = sum_i t_ji / sum_i s_i over the same n passages.

    Linearised as in Cochran 1977, section 6.4: with residuals e_ji = t_ji - R_j s_i it is
    n / (n - 1) sum_i e_ji e_ki / (sum s)^2. Passages are independent draws; nothing is assumed of
    how evaluations of one passage depend on each other.

    Args:
        totals: bits of each passage by each evaluation, shape (k, n).
        sizes: bytes of each passage, shape (n,).

    Returns:
        Shape (k, k), in squared bits per byte; NaN for a single passage.
    """
    n = len(sizes)
    if n < 2:
        return np.full((len(totals), len(totals)), np.nan)
    residuals = totals - np.outer(totals.sum(axis=1) / sizes.sum(), sizes)
    return np.asarray(n / (n - 1) * residuals @ residuals.T / sizes.sum() ** 2)


class Passages:
    """The losses of single passages, by held-out domain and evaluation."""

    def __init__(self, table: pd.DataFrame) -> None:
        """
        Args:
            table: the passages table.
        """
        self._found: dict[tuple[str, Place], tuple[Floats, Floats]] = {
            (domain, place): (np.asarray(bits, np.float64), np.asarray(sizes, np.float64))
            for domain, place, bits, sizes in zip(
                table["domain"], places(table), table["bits"], table["bytes"], strict=True
            )
        }
        self._domains = set(table["domain"])

    def has(self, outcome: str) -> bool:
        """Whether the losses of single passages are known of an outcome, at least somewhere."""
        return (
            outcome.endswith(BITS_PER_BYTE.ending)
            and outcome.removesuffix(BITS_PER_BYTE.ending) in self._domains
        )

    def covariance(self, outcome: str, places: Sequence[Place]) -> Floats | None:
        """Covariance of the errors of a loss at several places.

        Args:
            outcome: a column such as `id_bits_per_byte`.
            places: k evaluations.

        Returns:
            Shape (k, k), in squared bits per byte; None if the outcome is no such loss or an
            evaluation has no losses of passages, or was made on other passages.
        """
        if not self.has(outcome):
            return None
        domain = outcome.removesuffix(BITS_PER_BYTE.ending)
        found = [self._found.get((domain, place)) for place in places]
        if any(one is None for one in found):
            return None
        known = [one for one in found if one is not None]
        sizes = known[0][1]
        if len(sizes) < 2 or any(not np.array_equal(sizes, other) for _, other in known):
            return None
        return covariance_of_ratios(np.stack([bits for bits, _ in known]), sizes)

    def error(self, outcome: str, weights: Mapping[Place, float]) -> float:
        """Standard error of a weighted sum of losses, such as a difference; NaN if not known.

        Args:
            outcome: a column such as `id_bits_per_byte`.
            weights: evaluation to its weight.
        """
        covariance = self.covariance(outcome, list(weights))
        if covariance is None:
            return float("nan")
        weight = np.array(list(weights.values()))
        return float(np.sqrt(max(0.0, weight @ covariance @ weight)))


NO_PASSAGES = Passages(pd.DataFrame(columns=["run", "step", "variant", "domain", "bits", "bytes"]))
"""No losses of single passages are known."""
