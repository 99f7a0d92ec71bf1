"""Whether noise in the training text makes the loss rise late, and more so in larger models."""

from collections.abc import Iterator

from disentangle.claims.claim import Claim, Part
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.rule import above
from disentangle.statistics.design import numeric_columns

WIDTH = "Xue et al. 2022 (arXiv 2208.08003), of label noise and width"


def _rises_with_noise(evidence: Findings) -> Iterator[Part]:
    rows = evidence.tables["text_noise"]
    if rows.empty or rows["token_noise"].nunique() < 2:
        return
    others = [n for n in numeric_columns(rows) if n != "token_noise" and rows[n].nunique() > 1]
    found = evidence.correlation(rows, "token_noise", "degradation", *others)
    rule = above("partial ρ of noise and late rise", 0)
    yield Part("ID loss", found, rule, "text_noise", "token_noise >= 0")


def _more_in_larger(evidence: Findings) -> Iterator[Part]:
    rows = evidence.tables["text_noise"]
    rows = rows[rows["token_noise"] > 0] if len(rows) else rows
    if rows.empty:
        return
    size = "params_non_embedding"
    others = [n for n in numeric_columns(rows) if n != size and rows[n].nunique() > 1]
    found = evidence.correlation(rows, size, "degradation", *others)
    rule = above("partial ρ of size and late rise", 0)
    yield Part("ID loss, runs with noise", found, rule, "text_noise", "token_noise > 0")


CLAIMS = (
    Claim(
        15,
        "Noise in the training text, read many times, makes the held-out loss rise late.",
        _rises_with_noise,
        WIDTH,
    ),
    Claim(16, "Under noise, it rises more in larger models.", _more_in_larger, WIDTH),
)
