"""Whether the losses of some tokens rise before they fall."""

from collections.abc import Iterator

import numpy as np

from disentangle.claims.claim import Claim, Part
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.neighbours.matched_loss import TRAJECTORIES
from disentangle.claims.rule import Region, Rule
from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import families
from disentangle.statistics.estimate import Estimate

OF_SOURCE = 0.094
"""The source's share of tokens that rise and fall again (its repository's README)."""

FACTOR = 2
"""A share within this factor of it counts as the same."""


def _some_rise_and_fall(evidence: Findings) -> Iterator[Part]:
    table = evidence.tables["token_trends"]
    rows = table[table["kind"] == "rises and falls"] if len(table) else table
    if rows.empty:
        return
    beyond_chance = (rows["share"] - rows["by_chance"]).to_numpy(np.float64)

    def mean(weights: Floats) -> Floats:
        return np.asarray(weights @ beyond_chance / weights.sum(axis=1))

    found: Estimate = bootstrap_estimate(
        mean, families(rows), resamples=evidence.resamples, seed=evidence.seed
    )
    low, high = OF_SOURCE / FACTOR, OF_SOURCE * FACTOR
    rule = Rule("share beyond chance", (Region(low, high),), (Region(high=low), Region(low=high)))
    yield Part("mean over runs", found, rule, "token_trends", "kind == 'rises and falls'")


CLAIMS = (
    Claim(
        5,
        "The losses of about a tenth of the tokens rise and then fall again.",
        _some_rise_and_fall,
        TRAJECTORIES,
    ),
)
