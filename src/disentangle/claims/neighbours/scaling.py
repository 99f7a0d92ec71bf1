"""How few components a suite's task scores have, and what these predict beyond compute."""

from collections.abc import Iterator

import numpy as np

from disentangle.claims.claim import Claim, Part
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.rule import Rule, above, within
from disentangle.neighbours.scaling import ABILITY, BY_COMPUTE, BY_DATE, COMPUTE, GEOMETRY
from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.estimate import Estimate

OBSERVATIONAL = "Ruan et al. 2024 (arXiv 2405.10938)"

GEOMETRY_ADDED = "Kulkarni et al. (arXiv 2602.20433), beside components of tasks"

EXPLAINED = 0.75
"""The paper's first component explains more; with three it is about 97 %."""

NEGLIGIBLE = 0.005
"""Of an error: half a point of a score."""


def _one_component(evidence: Findings) -> Iterator[Part]:
    table = evidence.tables["scaling_components"]
    for row in table[table["component"] == 1].head(1).to_dict("records"):
        low, high = row["explained_low"], row["explained_high"]
        found = Estimate(row["explained"], low, high, row["models"], row["note"])
        rule = above("share of the first component", EXPLAINED)
        yield Part("share of the variance", found, rule, "scaling_components", "component == 1")


def _gain(evidence: Findings, before: str, after: str, by: str) -> Estimate | None:
    """How much smaller the mean absolute error beyond a cutoff is, with its interval.

    It is the mean over models of the mean over their tasks; families of models are resampled,
    while components and links stay as they were fitted.
    """
    table = evidence.tables["scaling_predictions"]
    table = table[table["cutoff"] == by]
    if table.empty or not {before, after} <= set(table["predictors"]):
        return None
    rows = table[table["beyond"].astype(bool)]
    errors = rows.assign(error=(rows["predicted"] - rows["observed"]).abs()).pivot_table(
        index=["run", "family"], columns="predictors", values="error", aggfunc="mean"
    )
    gains = (errors[before] - errors[after]).to_numpy(np.float64)

    def mean(weights: Floats) -> Floats:
        return np.asarray(weights @ gains / weights.sum(axis=1))

    family = errors.index.get_level_values("family")
    return bootstrap_estimate(mean, family, resamples=evidence.resamples, seed=evidence.seed)


def _components_beat_compute(evidence: Findings) -> Iterator[Part]:
    rule = above("error from compute less error from components", 0)
    yield from _at_each_cutoff(evidence, COMPUTE, ABILITY, rule)


def _geometry_adds_nothing(evidence: Findings) -> Iterator[Part]:
    rule = within("error from components less error with rank of W", NEGLIGIBLE)
    yield from _at_each_cutoff(evidence, ABILITY, GEOMETRY, rule)


def _at_each_cutoff(evidence: Findings, before: str, after: str, rule: Rule) -> Iterator[Part]:
    for by, words in ((BY_COMPUTE, "beyond a compute"), (BY_DATE, "after a date of release")):
        if gain := _gain(evidence, before, after, by):
            query = f"beyond and cutoff == '{by}'"
            decides = by == BY_COMPUTE
            yield Part(words, gain, rule, "scaling_predictions", query, decides=decides)


CLAIMS = (
    Claim(
        20,
        "The first principal component of models' task scores explains three quarters of their "
        "variance.",
        _one_component,
        OBSERVATIONAL,
    ),
    Claim(
        21,
        "Beyond a cutoff in compute, a task's scores are predicted better from the components of "
        "other tasks than from compute.",
        _components_beat_compute,
        OBSERVATIONAL,
    ),
    Claim(
        22,
        "The effective rank of W adds nothing to what these components predict.",
        _geometry_adds_nothing,
        GEOMETRY_ADDED,
    ),
)
