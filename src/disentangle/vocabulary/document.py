"""Generate docs/metrics.md: `python -m disentangle.vocabulary.document > docs/metrics.md`."""

import math

from disentangle.vocabulary.bounds import Bounds
from disentangle.vocabulary.matrices import KINDS
from disentangle.vocabulary.metrics import METRICS
from disentangle.vocabulary.scores import LOSSES, SCORES, Score

_INTRODUCTION = """# Metrics and scores

M is a matrix of n rows and d columns, and sigma its singular values. Each metric is measured of M
and, as `<metric>_centered`, of M minus its column means. [geometry.md](geometry.md) explains the
matrices, and names what each metric is checked against. You can add
[a metric of your own](how-to/own-metric.md).

This page is generated from `src/disentangle/vocabulary/`; a test compares them.
"""


def metrics_document() -> str:
    """The whole page."""
    sections = (
        _table(
            "Metrics of a matrix",
            ("metric", "formula and source", "values"),
            [(f"`{one.name}`", one.meaning, _values(one.bounds)) for one in METRICS],
        ),
        _table(
            "Matrices",
            ("name", "what it is", "one for each held-out domain"),
            [(f"`{one.name}`", one.meaning, "yes" if one.by_domain else "no") for one in KINDS],
            "In the observations a column is named after both: `W_effective_rank`. "
            "Of a domain other than `id`, it names the domain: `H_code_stable_rank`.",
        ),
        _table(
            "Scores of a model",
            ("column", "meaning", "better"),
            [_score(one) for one in SCORES],
            "Any column of numbers can be an outcome. These have a known meaning.",
        ),
    )
    return _INTRODUCTION + "".join(sections)


def _score(score: Score) -> tuple[str, str, str]:
    of = "<domain>" if score in LOSSES else "<task>"
    better = "lower" if score.less_is_better else "higher"
    return f"`{score.of(of)}`", score.meaning.format(of=f"`{of}`"), better


def _values(bounds: Bounds) -> str:
    if math.isinf(bounds.low):
        return bounds.unit
    end = "" if math.isinf(bounds.high) else f" to {bounds.high:g}"
    return f"{bounds.low:g}{end or ' or more'}"


def _table(
    title: str, names: tuple[str, ...], rows: list[tuple[str, ...]], before: str = ""
) -> str:
    lines = [names, ("---",) * len(names), *rows]
    cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
    return "\n\n".join([f"\n## {title}", *([before] if before else []), table]) + "\n"


if __name__ == "__main__":
    print(metrics_document(), end="")
