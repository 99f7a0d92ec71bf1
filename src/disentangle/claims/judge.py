"""Judge every claim of a ledger: one row per claim, and one row per test."""

import math
from collections.abc import Sequence
from typing import Any

from disentangle.claims.claim import Claim, Evidence, Part
from disentangle.claims.rule import Verdict, together


def _test(number: int, part: Part) -> dict[str, Any]:
    estimate, rule = part.estimate, part.rule
    verdict = rule.verdict(estimate)
    return {
        "claim": number,
        "part": part.part,
        "quantity": rule.quantity,
        "expected": rule.holds_if,
        "fails_if": rule.fails_if,
        "observed": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "verdict": verdict,
        "decides": part.decides,
        "runs_to_decide": rule.runs_to_decide(estimate) if verdict == "undecided" else math.nan,
        "table": part.table,
        "filter": part.filter,
        "note": estimate.note,
    }


def _interval(test: dict[str, Any]) -> str:
    if not math.isfinite(test["low"] + test["high"]):
        return ""
    return f"[{test['low']:+.3g}, {test['high']:+.3g}]"


def judge(
    ledger: Sequence[Claim[Evidence]], evidence: Evidence
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Judge a ledger.

    Returns:
        Rows of the claims table, and of the claim_tests table. The deciding test represents a
        claim: the first that fails, else the first that is undecided, else the first.
    """
    claims, tests = [], []
    for claim in ledger:
        found = [_test(claim.number, part) for part in claim.parts(evidence)]
        tests += found
        parts = [part for part in found if part["decides"]]
        verdicts: list[Verdict] = [part["verdict"] for part in parts]
        overall = together(verdicts)
        row = {
            "claim": claim.number,
            "statement": claim.statement,
            "source": claim.source,
            "verdict": overall,
            "tests": len(parts),
            "tests_holding": verdicts.count("holds"),
        }
        if parts:
            shown = next(part for part in parts if part["verdict"] == overall)
            needed = [part["runs_to_decide"] for part in parts if part["verdict"] == "undecided"]
            row |= {
                "test": shown["part"],
                "quantity": shown["quantity"],
                "expected": shown["expected"],
                "fails_if": shown["fails_if"],
                "observed": shown["observed"],
                "interval": _interval(shown),
                "n": shown["n"],
                # all undecided tests must be decided; one without an estimate is skipped
                "runs_to_decide": max(needed, default=math.nan)
                if overall == "undecided"
                else math.nan,
                "evidence": f"{shown['table']}: {shown['filter']}",
                "note": shown["note"],
            }
        else:
            row |= {
                "test": "",
                "quantity": "",
                "expected": "",
                "fails_if": "",
                "observed": math.nan,
                "interval": "",
                "n": 0,
                "runs_to_decide": math.nan,
                "evidence": "",
                "note": "this study has no data on this claim",
            }
        claims.append(row)
    return claims, tests
