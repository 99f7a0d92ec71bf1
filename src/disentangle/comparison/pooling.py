"""Which associations of studies may be pooled, and why others may not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from disentangle.comparison.design import finals
from disentangle.comparison.random_effects import Pooled, pool, z_error
from disentangle.comparison.study import Compared
from disentangle.storage import sha256_of
from disentangle.study.results_folder import StudyFolder
from disentangle.tables.select import chief_metric, chief_outcome
from disentangle.vocabulary.scores import LOSSES

ESTIMATORS = {
    "residual ρ": ("residual_rho", "residual_low", "residual_high"),
    "partial ρ": ("partial_rho", "partial_low", "partial_high"),
    "within-cell ρ": ("within_rho", "within_low", "within_high"),
}
"""The estimators given the training choices, and their columns of the associations."""


@dataclass(frozen=True)
class Association:
    """The association of a metric with an outcome in each study, given the training choices."""

    metric: str
    outcome: str
    estimator: str
    found: tuple[tuple[float, float, float] | None, ...]
    """Correlation and its 95 % interval in each study; None where there is none."""
    pooled: Pooled | None
    reason: str
    """Why it is not pooled; empty if it is."""


def associations_of(studies: Sequence[Compared]) -> list[Association]:
    """The associations that all studies have, of models as trained with the first outcome.

    They come with the metric that is reported first at the top, and are pooled where that is sound:
    see `obstacle` and `_obstacle_of_rows`.
    """
    tables = [_of_trained(study) for study in studies]
    shared = [set(zip(table["metric"], table["outcome"], strict=True)) for table in tables]
    pairs = set.intersection(*shared) if shared else set()
    if not pairs:
        return []
    outcome = chief_outcome(sorted({outcome for _, outcome in pairs}))
    order = [m for m, o in zip(tables[0]["metric"], tables[0]["outcome"], strict=True)]
    metrics = [m for m in dict.fromkeys(order) if (m, outcome) in pairs]
    first = chief_metric(metrics)
    metrics.sort(key=lambda metric: metric != first)
    general = obstacle(studies, outcome)
    return [
        _association(metric, outcome, estimator, tables, studies, general)
        for metric in metrics
        for estimator in ESTIMATORS
    ]


def _of_trained(study: Compared) -> pd.DataFrame:
    table = study.table("associations")
    return table[table["variant"] == "base"]


def _association(
    metric: str,
    outcome: str,
    estimator: str,
    tables: Sequence[pd.DataFrame],
    studies: Sequence[Compared],
    general: str,
) -> Association:
    rows = [
        table[(table["metric"] == metric) & (table["outcome"] == outcome)].iloc[0]
        for table in tables
    ]
    found = tuple(_estimate(row, estimator) for row in rows)
    reason = general or _obstacle_of_rows(rows, found, [study.name for study in studies])
    usable = [one for one in found if one is not None]
    pooled = None
    if not reason:
        pooled = pool([one[0] for one in usable], [z_error(one[1], one[2]) for one in usable])
    return Association(metric, outcome, estimator, found, pooled, reason)


def _estimate(row: "pd.Series[Any]", estimator: str) -> tuple[float, float, float] | None:
    value, low, high = (float(row[column]) for column in ESTIMATORS[estimator])
    return (value, low, high) if math.isfinite(value) else None


def obstacle(studies: Sequence[Compared], outcome: str) -> str:
    """Why nothing of these studies may be pooled on an outcome; empty if nothing stands against it.

    Studies that share models are not independent. A loss on other text is another outcome.
    """
    shared = shared_models(studies)
    if shared:
        return f"the studies share models ({shared} of them): they are not independent"
    domain = next(
        (outcome.removesuffix(loss.ending) for loss in LOSSES if outcome.endswith(loss.ending)), ""
    )
    if not domain:
        return ""
    return _other_text(studies, domain)


def _other_text(studies: Sequence[Compared], domain: str) -> str:
    """Why losses on a domain are not of the same text; empty if they are.

    The passages are compared by their files, where all studies still have them, else by settings.
    """
    found = [_heldout(study, domain) for study in studies]
    unknown = [study.name for study, one in zip(studies, found, strict=True) if one is None]
    if unknown:
        return f"on which text {domain} is measured is not known of {', '.join(unknown)}"
    settings = [one for one in found if one is not None]
    sources = [str(one["source"]) for one in settings]
    if len(set(sources)) > 1:
        return f"{domain} is measured on different text: {' / '.join(sources)}"
    files = [StudyFolder(study.folder).heldout(domain) for study in studies]
    if all(file.is_file() for file in files):
        counts = {one["evaluated"] for one in settings}
        alike = len({sha256_of(file) for file in files}) == len(counts) == 1
    else:
        alike = all(one == settings[0] for one in settings)
    return "" if alike else f"{domain} is measured on other passages of the same source"


def _heldout(study: Compared, domain: str) -> dict[str, Any] | None:
    """The settings of a held-out domain, with the number of passages that are evaluated."""
    try:
        design = study.design or {}
        found = dict(design["corpus"]["heldout"][domain])
        evaluation = design.get("evaluation") or {}
        return found | {"source": found["source"], "evaluated": evaluation.get("passages")}
    except (KeyError, TypeError, ValueError):
        return None


def shared_models(studies: Sequence[Compared]) -> int:
    """How many models are in more than one study: by their weights, or by name without these."""
    seen: dict[str, int] = {}
    for study in studies:
        for model in _models(study):
            seen[model] = seen.get(model, 0) + 1
    return sum(count > 1 for count in seen.values())


def _models(study: Compared) -> set[str]:
    checkpoints = study.table("checkpoints")
    if {"final", "weights_sha256"} <= set(checkpoints.columns):
        return set(checkpoints.loc[checkpoints["final"].astype(bool), "weights_sha256"])
    return set(finals(study)["run"])


def _obstacle_of_rows(
    rows: Sequence["pd.Series[Any]"],
    found: Sequence[tuple[float, float, float] | None],
    names: Sequence[str],
) -> str:
    """Why the estimates of one association may not be pooled; empty if they may."""
    without = [
        name
        for name, one in zip(names, found, strict=True)
        if one is None or not all(abs(end) < 1 for end in one) or not one[1] < one[2]
    ]
    if without:
        return f"no usable interval in {', '.join(without)}"
    controls = [str(row["controls"] or "") for row in rows]
    if len({frozenset(filter(None, text.split(", "))) for text in controls}) > 1:
        told = "; ".join(f"{n}: {c or 'none'}" for n, c in zip(names, controls, strict=True))
        return f"given different training choices ({told})"
    return ""
