"""The page of a comparison: one file that opens offline."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined

from disentangle.comparison.design import differences, numbers
from disentangle.comparison.forest import Line, forest, interval
from disentangle.comparison.pooling import Association, associations_of
from disentangle.comparison.study import Compared
from disentangle.comparison.verdicts import ORDER, Claim, claims_of, in_one_sentence
from disentangle.storage import replacing
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import outcome_label

TITLES = {"claims": "The paper's claims", "neighbours": "Findings of neighbouring papers"}

DRAWN = 2
"""Associations that are drawn: the first metric's, by both estimators. The table has all."""


def write_page(studies: Sequence[Compared], path: Path) -> None:
    """Write the page.

    Args:
        studies: at least two.
        path: of the page; its folder is made.
    """
    environment = Environment(
        loader=PrefixLoader(
            {
                "comparison": PackageLoader("disentangle.comparison", "."),
                "report": PackageLoader("disentangle.report", "."),
            }
        ),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = [study.name for study in studies]
    associations = associations_of(studies)
    text = environment.get_template("comparison/page.html").render(
        names=names,
        interval=interval,
        ledgers=[_ledger(title, claims_of(studies, key), names) for key, title in TITLES.items()],
        associations=[_association(one) for one in associations],
        drawn=[_association_forest(one, names) for one in associations[:DRAWN]],
        any_pooled=any(one.pooled for one in associations),
        differences=differences(studies),
        compared_designs=[study.name for study in studies if study.design is not None],
        without_design=[study.name for study in studies if study.design is None],
        numbers=numbers(studies),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _ledger(title: str, claims: Sequence[Claim], names: Sequence[str]) -> dict[str, Any]:
    """A ledger's claims, those first that matter most."""
    rows = sorted(claims, key=lambda claim: ORDER.index(claim.agreement))
    return {
        "title": title,
        "sentence": in_one_sentence(claims),
        "claims": [{"claim": claim, "forest": _claim_forest(claim, names)} for claim in rows],
    }


def _claim_forest(claim: Claim, names: Sequence[str]) -> str:
    if claim.not_drawn:
        return ""
    return forest(
        [
            Line(name, one.value, one.low, one.high)
            for name, one in zip(names, claim.found, strict=True)
            if one is not None and math.isfinite(one.low + one.high)
        ]
    )


def _association(one: Association) -> dict[str, Any]:
    return {
        "metric": metric_label(one.metric),
        "outcome": outcome_label(one.outcome),
        "estimator": one.estimator,
        "found": ["-" if each is None else interval(*each) for each in one.found],
        "pooled": one.pooled and interval(one.pooled.rho, one.pooled.low, one.pooled.high),
        "these": one.pooled
        and interval(one.pooled.these, one.pooled.these_low, one.pooled.these_high),
        "spread": one.pooled,
        "reason": one.reason,
    }


def _association_forest(one: Association, names: Sequence[str]) -> dict[str, str]:
    lines = [
        Line(name, *each)
        for name, each in zip(names, one.found, strict=True)
        if each is not None and all(map(math.isfinite, each))
    ]
    if one.pooled:
        of_these = (one.pooled.these, one.pooled.these_low, one.pooled.these_high)
        lines.append(Line("these studies", *of_these, pooled=True))
        like_these = (one.pooled.rho, one.pooled.low, one.pooled.high)
        lines.append(Line("studies like them", *like_these, pooled=True))
    title = f"{metric_label(one.metric)}, {one.estimator}"
    return {"title": title, "forest": forest(lines) if lines else ""}
