"""The verdicts of studies on the same claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from disentangle.comparison.study import Compared

Agreement = Literal["contradict", "agree", "one decides", "undecided", "not asked of all"]
"""In the order in which they matter: some hold and others fail; all hold, or all fail; some decide
and the rest does not; none decides; a study does not have the claim."""

ORDER: tuple[Agreement, ...] = (
    *("contradict", "agree", "one decides", "undecided", "not asked of all"),
)

WORDS: dict[Agreement, str] = {
    "contradict": "that hold in one study and fail in another",
    "agree": "decided alike by all studies",
    "one decides": "decided by some studies only",
    "undecided": "decided by none",
    "not asked of all": "not asked of all",
}
"""Each agreement as a phrase."""

LEDGERS = {"claims": "claim_tests", "neighbours": "neighbour_tests"}
"""Table of claims to the table of their tests."""


@dataclass(frozen=True)
class Found:
    """What one study found on a claim."""

    verdict: str
    test: str
    quantity: str
    value: float
    low: float
    """NaN without an interval."""
    high: float
    n: int


@dataclass(frozen=True)
class Claim:
    """A claim, and what each study found on it."""

    number: int
    statement: str
    source: str
    found: tuple[Found | None, ...]
    """None of a study that does not have the claim."""
    agreement: Agreement
    not_drawn: str
    """Why the intervals may not be drawn on one scale: fewer than two studies have one, or they are
    of different tests. Empty if they may."""


def agreement_of(verdicts: Sequence[str | None]) -> Agreement:
    """How verdicts on a claim go together.

    Args:
        verdicts: holds, fails or undecided; None if it was not asked.
    """
    decided = {verdict for verdict in verdicts if verdict in ("holds", "fails")}
    if len(decided) == 2:
        return "contradict"
    if None in verdicts:
        return "not asked of all"
    if not decided:
        return "undecided"
    return "one decides" if "undecided" in verdicts else "agree"


def claims_of(studies: Sequence[Compared], ledger: str) -> list[Claim]:
    """The claims of a ledger, by number.

    Args:
        studies: the studies.
        ledger: a key of `LEDGERS`. A study without this table has none of its claims.
    """
    tables = [_by_number(study, ledger) for study in studies]
    found = []
    for number in sorted({number for table in tables for number in table}):
        rows = [table.get(number) for table in tables]
        each = tuple(
            None if row is None else _found(row, study.table(LEDGERS[ledger]))
            for row, study in zip(rows, studies, strict=True)
        )
        first = next(row for row in rows if row is not None)
        found.append(
            Claim(
                number,
                str(first["statement"]),
                str(first["source"]),
                each,
                agreement_of([None if one is None else one.verdict for one in each]),
                _not_drawn(each),
            )
        )
    return found


def _by_number(study: Compared, ledger: str) -> dict[int, dict[str, Any]]:
    rows = study.table(ledger).to_dict("records")
    return {int(row["claim"]): {str(key): row[key] for key in row} for row in rows}


def _found(row: dict[str, Any], tests: pd.DataFrame) -> Found:
    """What the deciding test found; its interval in numbers is in the table of tests."""
    value, low, high = math.nan, math.nan, math.nan
    if not tests.empty:
        of_claim = tests[(tests["claim"] == row["claim"]) & (tests["part"] == row["test"])]
        if len(of_claim):
            value, low, high = (float(of_claim.iloc[0][key]) for key in ("observed", "low", "high"))
    n = row["n"]
    return Found(
        str(row["verdict"]),
        str(row["test"]),
        str(row["quantity"]),
        value,
        low,
        high,
        0 if n is None or n != n else int(n),
    )


def _not_drawn(found: Sequence[Found | None]) -> str:
    drawn = [one for one in found if one is not None and math.isfinite(one.low + one.high)]
    if len(drawn) < 2:
        return "fewer than two intervals"
    estimands = {(one.test, one.quantity) for one in drawn}
    return "different tests decide" if len(estimands) > 1 else ""


def in_one_sentence(claims: Sequence[Claim]) -> str:
    """How many claims agree; empty without claims."""
    if not claims:
        return ""
    count = {kind: sum(claim.agreement == kind for claim in claims) for kind in ORDER}
    told = [f"{count[kind]} {WORDS[kind]}" for kind in ORDER if count[kind]]
    return f"{len(claims)} claims: {', '.join(told)}."
