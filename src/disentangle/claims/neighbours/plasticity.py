"""Whether weight decay makes models learn another text better."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle.claims.claim import Claim, Part
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.rule import above, at_least_one, below, of_known_sign
from disentangle.statistics.design import design_matrix, families, numeric_columns
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.residual import residual_spearman
from disentangle.tables.select import CHIEF_METRIC

DECAY = "Han et al. 2026 (arXiv 2602.11137)"


def _by_domain(evidence: Findings) -> Iterator[tuple[str, pd.DataFrame, list[str]]]:
    """Each domain, its rows, and the other choices that vary in them."""
    table = evidence.tables["plasticity"]
    for domain, rows in table.groupby("domain", sort=False) if len(table) else ():
        varied = [name for name in numeric_columns(rows) if rows[name].nunique() > 1]
        yield str(domain), rows, [name for name in varied if name != "weight_decay"]


def _lower_after(evidence: Findings) -> Iterator[Part]:
    for domain, rows, others in _by_domain(evidence):
        found = evidence.correlation(rows, "weight_decay", "after", *others)
        rule = below("partial ρ of weight decay and loss after fine-tuning", 0)
        yield Part(f"fine-tuned on {domain}", found, rule, "plasticity", f"domain == '{domain}'")


def _gains_more(evidence: Findings) -> Iterator[Part]:
    for domain, rows, others in _by_domain(evidence):
        found = evidence.correlation(rows, "weight_decay", "gain", *others)
        rule = above("partial ρ of weight decay and gain", 0)
        yield Part(f"fine-tuned on {domain}", found, rule, "plasticity", f"domain == '{domain}'")


def _order_inverts(evidence: Findings) -> Iterator[Part]:
    table = evidence.tables["order_inversions"]
    if table.empty:
        return
    counts = table["verdict"].value_counts()
    inverted, kept = int(counts.get("inverted", 0)), int(counts.get("kept", 0))
    note = "; ".join(
        f"{row.lower_decay} and {row.higher_decay}"
        for row in table[table["verdict"] == "inverted"].head(3).itertuples()
    )
    if table["p"].isna().all():
        found = Estimate.unknown("no cell has two seeds, so there is no noise to compare with")
    else:
        found = Estimate(inverted, inverted, len(table) - kept, len(table), note)
    rule = at_least_one("pairs whose order inverts")
    yield Part("pairs of decays", found, rule, "order_inversions", "verdict == 'inverted'")


def _geometry_adds(evidence: Findings) -> Iterator[Part]:
    """Of residuals on the design and the losses before: choices move rank and loss in any shape."""
    needed = [CHIEF_METRIC, "after", "base_loss", "before"]
    for domain, every, _ in _by_domain(evidence):
        rows = every.dropna(subset=needed)
        before = rows[["base_loss", "before"]].to_numpy(np.float64)
        found = residual_spearman(
            rows[CHIEF_METRIC],
            rows["after"],
            np.hstack([design_matrix(rows), before]),
            clusters=families(rows),
            resamples=evidence.resamples,
            seed=evidence.seed,
        )
        rule = of_known_sign("residual ρ of R(W) and loss after fine-tuning, given losses before")
        yield Part(f"fine-tuned on {domain}", found, rule, "plasticity", f"domain == '{domain}'")


CLAIMS = (
    Claim(
        6,
        "Of models of one size, those trained with more weight decay have the lower loss after "
        "fine-tuning.",
        _lower_after,
        DECAY,
    ),
    Claim(7, "They gain more by fine-tuning.", _gains_more, DECAY),
    Claim(
        8,
        "Of two models that differ in weight decay, the worse base model can be the better one "
        "after fine-tuning.",
        _order_inverts,
        DECAY,
    ),
    Claim(
        9,
        "The rank of W before fine-tuning tells something of the loss after it that losses before "
        "and training choices do not.",
        _geometry_adds,
        "a question of this project",
    ),
)
