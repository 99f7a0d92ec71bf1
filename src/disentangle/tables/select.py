"""Which observations, outcomes and metrics an analysis is over."""

from collections.abc import Sequence

import pandas as pd

from disentangle.checkpoint.subjects import BASE
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.measured import METRIC_COLUMNS


def final_runs(observations: pd.DataFrame, variant: str) -> pd.DataFrame:
    """One row per run: its last planned checkpoint, under one variant.

    A run that diverged has no such checkpoint and is not in it. `learning_rate` is the multiple
    of the default here, which means the same at every size.
    """
    rows = observations[observations["final"] & (observations["variant"] == variant)]
    return rows.assign(learning_rate=rows["learning_rate_multiple"]).reset_index(drop=True)


def geometry_metrics(observations: pd.DataFrame) -> list[str]:
    """Columns that hold a metric of W or H as it is, W first; centred variants are left out."""
    return [
        name
        for prefix in ("W_", "H_")
        for name in observations.columns
        if name.startswith(prefix) and not name.endswith("_centered")
    ]


def shown_metrics(observations: pd.DataFrame) -> list[str]:
    """Of those, what a figure has room for: metrics of W, and of H on the id domain."""
    return [
        name for name in geometry_metrics(observations) if name.partition("_")[2] in METRIC_COLUMNS
    ]


def outcomes(settings: Statistics, domains: Sequence[str], variant: str) -> list[str]:
    """What is to be explained of a variant: what the study names, or bits per byte on every domain.

    Of a perturbed checkpoint it is always the losses, and by how much they changed: tasks are not
    asked of it.
    """
    losses = [f"{domain}_bits_per_byte" for domain in domains]
    if variant == BASE:
        return settings.outcomes or losses
    return [*losses, *(f"{loss}_change" for loss in losses)]
