"""Choose the truncation that loses least on some passages, and test it on the others.

Of many truncations one will lower the loss by chance. Chosen and tested on the same passages it
would look better than it is (Cawley & Talbot 2010), so the passages are split.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from disentangle.checkpoint.references import BASE
from disentangle.statistics.bootstrap import CONFIDENCE, Floats
from disentangle.statistics.design import COLUMNS, hyperparameters
from disentangle.study.perturbation import compression_of
from disentangle.tables.compression import CHOSEN_TRUNCATIONS
from disentangle.tables.passages import covariance_of_ratios
from disentangle.tables.select import CHIEF_OUTCOME
from disentangle.vocabulary.scores import BITS_PER_BYTE

__all__ = ["DOMAIN", "SHARE", "chosen_truncations", "split"]

SHARE = 0.2
"""Share of the passages that the choice is made on."""

DOMAIN = CHIEF_OUTCOME.removesuffix(BITS_PER_BYTE.ending)
"""The held-out domain whose passages are used."""

FEWEST = 5
"""With fewer passages there is no fifth."""


def split(n: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The places of n passages to choose on, a fifth of them, and of those to test on.

    By the hash of seed and place, so the passages of all runs and variants are split alike.
    """
    order = sorted(range(n), key=lambda i: hashlib.blake2b(f"{seed} {i}".encode()).digest())
    fifth = round(SHARE * n)
    return np.array(sorted(order[:fifth]), np.intp), np.array(sorted(order[fifth:]), np.intp)


def chosen_truncations(runs: pd.DataFrame, passages: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """For each run, the truncation with the lowest loss on a fifth, tested on the other passages.

    Args:
        runs: the last checkpoint of each run as trained, with its choices: `comparable_runs`.
        passages: the passages table.
        seed: of the split.

    Returns:
        One row per run that was truncated, with the columns of `CHOSEN_TRUNCATIONS` and the run's
        choices. Differences are losses after truncation minus before it, bits per byte. The
        interval of the tested difference is by t over passages, paired.
    """
    known = passages[passages["domain"] == DOMAIN]
    truncated = known["variant"].map(compression_of) == "truncated"
    found = []
    for row in runs[["run", "step"]].itertuples(index=False):
        here = (known["run"] == row.run) & (known["step"] == row.step)
        base = known[here & (known["variant"] == BASE)]
        candidates = known[here & truncated].sort_values("variant")
        if base.empty or candidates.empty:
            continue
        sizes = np.asarray(base["bytes"].iloc[0], np.float64)
        bits = {
            variant: np.asarray(one, np.float64)
            for variant, one in zip(candidates["variant"], candidates["bits"], strict=True)
        }
        if len(sizes) < FEWEST:
            continue
        before = np.asarray(base["bits"].iloc[0], np.float64)
        found.append({"run": row.run} | _choice(before, bits, sizes, seed))
    choices = list(dict.fromkeys((*COLUMNS, *hyperparameters(runs))))
    columns = [name for name in CHOSEN_TRUNCATIONS.schema.names if name != "size"]
    return pd.DataFrame(found, columns=columns).merge(runs[choices], on="run")


def _choice(
    before: Floats, bits: Mapping[str, Floats], sizes: Floats, seed: int
) -> dict[str, object]:
    """Choose and test for one run; all arguments but the seed are by passage."""
    choose, test = split(len(sizes), seed)

    def added(variant: str, places: NDArray[np.intp]) -> float:
        return float((bits[variant] - before)[places].sum() / sizes[places].sum())

    best = min(bits, key=lambda variant: added(variant, choose))
    covariance = covariance_of_ratios(np.stack([bits[best], before])[:, test], sizes[test])
    error = float(np.sqrt(max(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])))
    tested = added(best, test)
    reach = float(student_t.ppf((1 + CONFIDENCE) / 2, len(test) - 1)) * error
    return {
        "candidates": len(bits),
        "variant": best,
        "passages_chosen_on": len(choose),
        "passages_tested_on": len(test),
        "added_chosen": added(best, choose),
        "added": tested,
        "added_stderr": error,
        "added_low": tested - reach,
        "added_high": tested + reach,
    }
