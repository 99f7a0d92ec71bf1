"""Does rank foretell what compression costs, and does some truncation lower the loss?"""

from collections.abc import Iterator

import numpy as np

from disentangle.claims.claim import Claim, Part
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.rule import Rule, above, below, beyond
from disentangle.neighbours.compression import MATRICES, W
from disentangle.statistics.associate import reason_of
from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import families
from disentangle.statistics.estimate import Estimate

BY_DENSITY = "Mi et al. 2025 (arXiv 2509.25622), of layers of one model"
GEOMETRY = "Kulkarni et al. (arXiv 2602.20433), of the loss added"
ASKED_HERE = "asked here, claimed by no paper"
DENOISED = "Sharma et al. 2023 (arXiv 2312.13558), Luo et al. 2024 (arXiv 2406.17261)"

NEGLIGIBLE = 0.2
"""A residual rho within +- this foretells nothing, as elsewhere in the ledgers."""

NORMAL = 1.96
"""Reach of a 95 % interval in standard errors."""


def _foretold(
    evidence: Findings, kind: str, rank_of: str, rule: Rule, strength: str = ""
) -> Iterator[Part]:
    """Of residuals on the design, which decides; given the choices in ranks; and as it is.

    Given the choices in ranks is not enough: where training moves rank and cost, and rank does
    nothing, that can be far from 0. `strength` is how a compression's strength must begin.
    """
    table = evidence.tables["compression"]
    if table.empty:
        return
    rows = table[(table["kind"] == kind) & (table["rank_of"] == rank_of)]
    rows = rows[rows["strength"].str.startswith(strength)]
    for row in rows.to_dict("records"):
        variant = row["variant"]
        query = f"variant == '{variant}' and rank_of == '{rank_of}'"
        for figure, words in (
            ("residual", "given the training choices"),
            ("partial", "given the training choices in ranks"),
            ("rho", "as it is"),
        ):
            value, low, high = (row[f"{figure}{end}"] for end in ("", "_low", "_high"))
            found = Estimate(value, low, high, row["n"], reason_of(row["note"], figure))
            decides = figure == "residual"
            yield Part(f"{variant}, {words}", found, rule, "compression", query, decides=decides)


def _low_rank_is_cheap(evidence: Findings) -> Iterator[Part]:
    rule = above("ρ of the matrices' effective rank and the loss added", 0)
    # to an energy, matrices of higher rank are truncated less
    yield from _foretold(evidence, "truncated", MATRICES, rule, strength="rank")


def _quantization(evidence: Findings) -> Iterator[Part]:
    rule = beyond("ρ of R(W) and the loss added", NEGLIGIBLE)
    yield from _foretold(evidence, "quantized", W, rule)


def _pruning(evidence: Findings) -> Iterator[Part]:
    rule = beyond("ρ of R(W) and the loss added", NEGLIGIBLE)
    yield from _foretold(evidence, "pruned", W, rule)


def _some_truncation_helps(evidence: Findings) -> Iterator[Part]:
    """The mean over runs must be below 0 for other runs, and for other passages."""
    table = evidence.tables["chosen_truncations"]
    if table.empty:
        return
    added = table["added"].to_numpy(np.float64)

    def mean(weights: Floats) -> Floats:
        return np.asarray(weights @ added / weights.sum(axis=1))

    over_runs = bootstrap_estimate(
        mean, families(table), resamples=evidence.resamples, seed=evidence.seed
    )
    rule = below("mean loss added by the chosen truncation, bits per byte", 0)
    query = "run == run"
    yield Part("over runs", over_runs, rule, "chosen_truncations", query)
    # the runs read the same passages, so the error of their mean may be as large as their errors'
    reach = NORMAL * float(table["added_stderr"].mean())
    value = float(added.mean())
    over_passages = Estimate(value, value - reach, value + reach, len(added))
    yield Part("over passages", over_passages, rule, "chosen_truncations", query)


CLAIMS = (
    Claim(
        10,
        "Models whose matrices have a lower effective rank lose less when these are truncated to a "
        "given rank.",
        _low_rank_is_cheap,
        BY_DENSITY,
    ),
    Claim(
        11,
        "The effective rank of W foretells what quantization costs.",
        _quantization,
        GEOMETRY,
    ),
    Claim(
        12,
        "The effective rank of W foretells what pruning costs.",
        _pruning,
        ASKED_HERE,
    ),
    Claim(
        13,
        "Some truncation lowers the loss: the best on a fifth of the passages does so on the rest.",
        _some_truncation_helps,
        DENOISED,
    ),
)
