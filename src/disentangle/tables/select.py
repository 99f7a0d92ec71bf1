"""Select the outcomes and metrics for an analysis."""

from collections.abc import Sequence

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.geometry import CENTERED
from disentangle.study.sections.statistics import Statistics
from disentangle.vocabulary.matrices import FUNCTION_LEVEL, PREFIXES
from disentangle.vocabulary.scores import BITS_PER_BYTE, CHANGE, LOSSES

CHIEF_METRIC = "W_effective_rank_pct"
CHIEF_OUTCOME = BITS_PER_BYTE.of("id")

RANKS = ("effective_rank_pct", "spectral_entropy_rank", "stable_rank", "participation_ratio")
"""The metrics of a function-level matrix that are associated with outcomes."""


def losses(observations: pd.DataFrame) -> list[str]:
    """Columns with a loss, sorted: bits per byte, or nats per token if there are no others."""
    for loss in LOSSES:
        if found := sorted(name for name in observations.columns if name.endswith(loss.ending)):
            return found
    return []


def chief_metric(metrics: Sequence[str]) -> str:
    """The metric to report first: effective rank of W if available, else the first one."""
    return CHIEF_METRIC if CHIEF_METRIC in metrics or not len(metrics) else metrics[0]


def chief_outcome(outcomes: Sequence[str]) -> str:
    """The outcome to report first: bits per byte on the id domain if available, else the first."""
    return CHIEF_OUTCOME if CHIEF_OUTCOME in outcomes or not len(outcomes) else outcomes[0]


def geometry_metrics(observations: pd.DataFrame) -> list[str]:
    """Columns with a metric of any value, W first, without those of the centered matrices.

    Of the matrices that the function fixes only `RANKS`: their other metrics would be many
    near-copies of W's, and make every correction for the number of metrics harsher.
    """
    fixed = tuple(f"{kind.name}_" for kind in FUNCTION_LEVEL)
    ranks = tuple(f"_{metric}" for metric in RANKS)
    return [
        name
        for prefix in PREFIXES
        for name in observations.columns
        if name.startswith(prefix)
        and not name.endswith(CENTERED)
        and (name.endswith(ranks) or not name.startswith(fixed))
        and observations[name].notna().any()
    ]


def outcomes(settings: Statistics, losses: Sequence[str], variant: str) -> list[str]:
    """The outcomes to explain for a variant: those that the study names, or all losses.

    For a perturbed variant they are always the losses and the changes of bits per byte, since tasks
    are not evaluated on it.
    """
    if variant == BASE:
        return settings.outcomes or list(losses)
    return [*losses, *(f"{loss}{CHANGE}" for loss in losses if loss.endswith(BITS_PER_BYTE.ending))]
