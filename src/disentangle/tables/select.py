"""Which outcomes and metrics an analysis is over."""

from collections.abc import Sequence

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.geometry import CENTERED
from disentangle.study.sections.statistics import Statistics
from disentangle.vocabulary.scores import BITS_PER_BYTE, CHANGE, LOSSES

CHIEF_METRIC = "W_effective_rank_pct"
CHIEF_OUTCOME = BITS_PER_BYTE.of("id")


def losses(observations: pd.DataFrame) -> list[str]:
    """Columns that hold a loss, sorted: bits per byte, or nats per token where that is all."""
    for loss in LOSSES:
        if found := sorted(name for name in observations.columns if name.endswith(loss.ending)):
            return found
    return []


def chief_metric(metrics: Sequence[str]) -> str:
    """The metric to speak of first: effective rank of W, or else the first there is."""
    return CHIEF_METRIC if CHIEF_METRIC in metrics or not len(metrics) else metrics[0]


def chief_outcome(outcomes: Sequence[str]) -> str:
    """The outcome to speak of first: bits per byte on the id domain, or else the first there is."""
    return CHIEF_OUTCOME if CHIEF_OUTCOME in outcomes or not len(outcomes) else outcomes[0]


def geometry_metrics(observations: pd.DataFrame) -> list[str]:
    """Columns that hold a metric of W or H as it is, W first; centred variants are left out."""
    return [
        name
        for prefix in ("W_", "H_")
        for name in observations.columns
        if name.startswith(prefix) and not name.endswith(CENTERED)
    ]


def outcomes(settings: Statistics, losses: Sequence[str], variant: str) -> list[str]:
    """What is to be explained of a variant: what the study names, or all losses.

    Of a perturbed checkpoint it is always the losses, and by how much they changed: tasks are not
    asked of it.
    """
    if variant == BASE:
        return settings.outcomes or list(losses)
    return [*losses, *(f"{loss}{CHANGE}" for loss in losses if loss.endswith(BITS_PER_BYTE.ending))]
