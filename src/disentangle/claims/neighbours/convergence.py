"""When layers converge, and what the rank of their weights has to do with it."""

from collections.abc import Iterator

from disentangle.claims.claim import Claim, Part
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.rule import above
from disentangle.neighbours.convergence import WEIGHTS

TENDING = "Diehl Martinez et al. 2024 (arXiv 2410.11451)"

CONVERGED = 0.9
"""A layer has converged if its debiased CKA with its final state is at least this."""


def _sooner_in_larger(evidence: Findings) -> Iterator[Part]:
    rows = evidence.tables["convergence"].dropna(subset=["cka"])
    if rows.empty:
        return
    converged = (rows["cka"] >= CONVERGED).groupby(rows["run"]).mean()
    runs = rows.drop_duplicates("run").assign(converged=lambda r: r["run"].map(converged))
    found = evidence.correlation(runs, "params_non_embedding", "converged")
    rule = above("ρ of size and share of converged layers", 0)
    yield Part("share of layers with CKA ≥ 0.9", found, rule, "convergence", "cka == cka")
    mean = rows["cka"].groupby(rows["run"]).mean()
    means = runs.assign(mean=runs["run"].map(mean))
    found = evidence.correlation(means, "params_non_embedding", "mean")
    rule = above("ρ of size and mean CKA", 0)
    yield Part("mean CKA", found, rule, "convergence", "cka == cka", decides=False)


def _rank_goes_with_convergence(evidence: Findings) -> Iterator[Part]:
    for what, column in (("weights", "weights_per"), ("gradients", "gradient_per")):
        for part, matrix in WEIGHTS.items():
            rows = evidence.tables["convergence"]
            rows = rows[(rows["part"] == part) & rows[column].notna()] if len(rows) else rows
            if rows.empty:
                continue
            query = f"part == '{part}' and {column} == {column}"
            found = evidence.correlation(rows, column, "cka")
            rule = above("ρ of PER and CKA", 0)
            yield Part(f"{matrix}: {what}", found, rule, "convergence", query)
            given = evidence.correlation(rows, column, "cka", "params_non_embedding")
            rule = above("partial ρ given size", 0)
            name = f"{matrix}: {what}, given size"
            yield Part(name, given, rule, "convergence", query, decides=False)


CLAIMS = (
    Claim(
        1,
        "At a fifth of training, a larger share of the layers of larger models has converged.",
        _sooner_in_larger,
        TENDING,
    ),
    Claim(
        2,
        "At a fifth of training, layers whose weights and gradients have a higher proportional "
        "effective rank are nearer to their final state.",
        _rank_goes_with_convergence,
        TENDING,
    ),
)
