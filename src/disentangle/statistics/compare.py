"""All comparisons of a study's final base checkpoints: metrics, choices, seeds."""

from typing import Any

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.statistics.agreement import agreement
from disentangle.statistics.effects import effects, responses_of
from disentangle.statistics.noise import noise_floor
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.comparable import comparable_runs
from disentangle.tables.headline import headline_metrics, loss_domains
from disentangle.tables.passages import NO_PASSAGES, Passages
from disentangle.tables.select import geometry_metrics, losses

Rows = list[dict[str, Any]]


def compare_runs(
    observations: pd.DataFrame, settings: Statistics, passages: Passages = NO_PASSAGES
) -> tuple[Rows, Rows, Rows]:
    """Rows of the agreement, the effects and the noise table.

    Args:
        observations: the observations table.
        settings: number of resamples and random seed.
        passages: losses of single passages, for the errors of differences.
    """
    runs = comparable_runs(observations, BASE)
    scores = losses(runs)
    metrics = headline_metrics(geometry_metrics(runs), loss_domains(scores))
    return (
        agreement(runs, metrics, resamples=settings.resamples, seed=settings.seed),
        effects(runs, responses_of(runs, metrics, scores), passages),
        [noise_floor(runs, column, passages) for column in (*metrics, *scores)],
    )
