"""What still differs between models of equal ID loss."""

from collections.abc import Iterator

import pandas as pd

from disentangle.claims.claim import Claim, Part
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.rule import beyond, within
from disentangle.neighbours.matched_loss import LEVEL
from disentangle.statistics.estimate import Estimate
from disentangle.tables.select import CHIEF_METRIC
from disentangle.vocabulary.scores import outcome_label, score_of

TRAJECTORIES = "Xia et al. 2023 (arXiv 2212.09803)"
GEOMETRY = "Kulkarni et al. (arXiv 2602.20433), at equal loss"

NEGLIGIBLE = 0.2
"""A partial rho within +- this is no dependence, as elsewhere in the ledgers."""


def _parts(
    evidence: Findings, response: str, choice: str, name: str, *, dependent: bool
) -> Iterator[Part]:
    table = evidence.tables["matched_effects"]
    if table.empty:
        return
    rows = table[(table["response"] == response) & (table["choice"] == choice)]
    for row in rows.to_dict("records"):
        found = Estimate(row["rho"], row["low"], row["high"], row["n"], row["note"])
        quantity = f"partial ρ of {name}"
        rule = beyond(quantity, NEGLIGIBLE) if dependent else within(quantity, NEGLIGIBLE)
        query = f"response == '{response}' and choice == '{choice}' and reached == {row['reached']}"
        part = f"{name}, at the loss that {100 * row['reached']:.0f} % of runs reach"
        decides = row["reached"] == LEVEL
        yield Part(part, found, rule, "matched_effects", query, decides=decides)


def _responses(table: pd.DataFrame) -> list[str]:
    return [name for name in table["response"].unique() if score_of(name)] if len(table) else []


def _size_is_nothing(evidence: Findings) -> Iterator[Part]:
    for response in _responses(evidence.tables["matched_effects"]):
        name = f"size and {outcome_label(response)}"
        yield from _parts(evidence, response, "params_non_embedding", name, dependent=False)


def _choices_shape_rank(evidence: Findings) -> Iterator[Part]:
    for choice, word in (("batch_size", "batch size"), ("weight_decay", "weight decay")):
        name = f"{word} and R(W)"
        yield from _parts(evidence, CHIEF_METRIC, choice, name, dependent=True)


CLAIMS = (
    Claim(
        3,
        "At equal ID loss, models of different sizes have equal losses on other text and equal "
        "scores on tasks.",
        _size_is_nothing,
        TRAJECTORIES,
    ),
    Claim(
        4,
        "At equal ID loss, batch size and weight decay still decide the effective rank of W.",
        _choices_shape_rank,
        GEOMETRY,
    ),
)
