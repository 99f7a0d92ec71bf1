"""The paper's numbers (arXiv 2602.20433) and the corresponding numbers of this study.

The paper's numbers come from full-text reading notes. Where two of its tables differ, the first is
used. Its models, text and budgets are different, so only signs and magnitudes can be compared.
"""

import math
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.report.claims import breaks_down
from disentangle.report.numbers import interval
from disentangle.statistics.associate import reason_of
from disentangle.study.perturbation import compression_of
from disentangle.vocabulary.scores import BITS_PER_BYTE


@dataclass(frozen=True)
class Reported:
    """One row of the paper's tables."""

    stage: str
    """The paper's name for the checkpoints: pre-trained, GPTQ, fine-tuned."""
    outcome: str
    metric: str
    """Its column in the observations."""
    raw: float = math.nan
    partial: float = math.nan
    delta_r2: float = math.nan


RANK_W, ISOTROPY_W, RANK_H = (
    "W_effective_rank_pct",
    "W_partition_isotropy",
    "H_effective_rank_pct",
)
PRETRAINED, GPTQ, FINETUNED = "pre-trained", "GPTQ", "fine-tuned"
REPORTED = (
    Reported(PRETRAINED, "Pile-10K loss", RANK_W, -0.699, -0.130, -0.003),
    Reported(PRETRAINED, "Dolma-100 code loss", RANK_W, -0.672, -0.127, -0.004),
    Reported(PRETRAINED, "Pile-10K loss", ISOTROPY_W, delta_r2=0.029),
    Reported(GPTQ, "Pile-10K loss", RANK_W, partial=-0.210, delta_r2=0.006),
    Reported(GPTQ, "Dolma-100 code loss", RANK_W, partial=-0.223, delta_r2=0.018),
    Reported(FINETUNED, "StarCoder-Python loss", RANK_W, delta_r2=-0.003),
    Reported(FINETUNED, "OpenWebMath loss", RANK_W, delta_r2=-0.002),
    Reported(FINETUNED, "StarCoder-Python loss", RANK_H, delta_r2=0.071),
    Reported(FINETUNED, "OpenWebMath loss", RANK_H, delta_r2=0.030),
)


def _stage(variant: str, targets: Container[str]) -> str | None:
    """The paper's stage that a variant corresponds to; None if it has no such."""
    if variant == BASE:
        return PRETRAINED
    if compression_of(variant) == "quantized":
        return GPTQ
    return FINETUNED if variant in targets else None


def _same_kind(reported: Reported, row: dict[str, Any], targets: dict[str, str]) -> bool:
    """Whether one of our associations corresponds to one of the paper's."""
    if reported.stage != _stage(row["variant"], targets) or reported.metric != row["metric"]:
        return False
    if reported.stage == FINETUNED:
        return row["outcome"] == BITS_PER_BYTE.of(targets[row["variant"]])
    domain = "id" if reported.outcome.startswith("Pile") else "code"
    return row["outcome"] == BITS_PER_BYTE.of(domain)


def beside_the_paper(associations: pd.DataFrame, targets: dict[str, str]) -> list[dict[str, Any]]:
    """The paper's rows, each with the corresponding associations of this study.

    Args:
        associations: the associations table.
        targets: fine-tuned variant to the held-out domain of its target.

    Returns:
        One record per pair of a row of the paper and one of our associations: `reported`, and
        `ours` as text. `ours` is None if this study has no corresponding association.
    """
    ours = [
        dict(zip(associations.columns, row, strict=True))
        for row in associations.itertuples(index=False)
    ]
    records = []
    for reported in REPORTED:
        found = [row for row in ours if _same_kind(reported, row, targets)]
        records += [{"reported": reported, "ours": _as_text(row)} for row in found] or [
            {"reported": reported, "ours": None}
        ]
    return records


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    broken = breaks_down(reason_of(str(row["note"] or ""), "delta_r2"))
    return {
        "variant": row["variant"],
        "outcome": row["outcome"],
        "n": int(row["n"]),
        "raw": interval(row["rho"], row["rho_low"], row["rho_high"]),
        "partial": interval(row["partial_rho"], row["partial_low"], row["partial_high"]),
        "residual": interval(row["residual_rho"], row["residual_low"], row["residual_high"]),
        "delta_r2": "breaks down"
        if broken
        else interval(row["delta_r2"], row["delta_r2_low"], row["delta_r2_high"]),
    }
