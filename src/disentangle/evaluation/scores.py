"""From the harness's per-passage results to losses with standard errors."""

import math
from collections.abc import Sequence

import numpy as np


def ratio_with_error(totals: Sequence[float], sizes: Sequence[int]) -> tuple[float, float]:
    """Ratio of sums R = sum(totals) / sum(sizes), and its standard error over passages.

    The error is the linearised standard error of a ratio of totals over n independent passages
    (Cochran 1977, section 6.4): sqrt(n / (n - 1) sum (t_i - R s_i)^2) / sum(s_i); NaN for one
    passage.
    """
    t, s = np.asarray(totals, float), np.asarray(sizes, float)
    ratio = t.sum() / s.sum()
    n = len(t)
    if n < 2:
        return float(ratio), math.nan
    spread = n / (n - 1) * np.square(t - ratio * s).sum()
    return float(ratio), float(math.sqrt(spread) / s.sum())


def loss_scores(
    log_likelihoods: Sequence[float], tokens: Sequence[int], bytes_: Sequence[int]
) -> dict[str, tuple[float, float]]:
    """Loss and bits per byte of a set of passages.

    Args:
        log_likelihoods: of each whole passage, in nats.
        tokens: tokens of each passage under the model's own tokenizer.
        bytes_: UTF-8 bytes of each passage.

    Returns:
        Metric to (value, standard error): `loss` in nats per token; `bits_per_byte`, which is
        comparable across tokenizers.
    """
    negative = [-value for value in log_likelihoods]
    bits = [value / math.log(2) for value in negative]
    return {
        "loss": ratio_with_error(negative, tokens),
        "bits_per_byte": ratio_with_error(bits, bytes_),
    }
