"""What the observations' further columns mean, by their names: metrics by matrix, and scores."""

from disentangle.tables.geometry import GEOMETRY, METRIC_COLUMNS

CENTERED = "_centered"

_METRICS = {name: meaning for name, _, meaning in GEOMETRY.columns if name in METRIC_COLUMNS}
_METRICS |= {
    name + CENTERED: f"{meaning}; of the matrix minus its column means"
    for name, meaning in _METRICS.items()
}
"""Metric to its meaning."""

_SCORES = {
    "_bits_per_byte": "Loss on the held-out domain {of}, bits per byte",
    "_loss": "Loss on the held-out domain {of}, nats per token",
    "_acc_norm": "Task {of}: share of right answers, likelihoods divided by the answers' length",
    "_acc": "Task {of}: share of right answers",
}
"""How a score's name ends, to its meaning."""

_DERIVED = {
    "_stderr": "Standard error of {of}, in its unit",
    "_change": "{of} minus that of the checkpoint it was made from; null as trained",
}


def meaning_of(column: str) -> str:
    """Meaning and unit of a metric's or a score's column of the observations table."""
    for ending, meaning in _DERIVED.items():
        if column.endswith(ending):
            return meaning.format(of=column.removesuffix(ending))
    matrix, _, rest = column.partition("_")
    if matrix in ("W", "H"):
        return f"{_matrix(matrix, rest)}: {_metric(rest)}"
    for ending, meaning in _SCORES.items():
        if column.endswith(ending):
            return meaning.format(of=column.removesuffix(ending))
    return f"Score {column}, in its own unit"


def _name_of(rest: str) -> str:
    """The metric's part of what follows W_ or H_: the longest that is known; empty if none is."""
    known = [name for name in _METRICS if rest == name or rest.endswith(f"_{name}")]
    return max(known, key=len, default="")


def _matrix(matrix: str, rest: str) -> str:
    if matrix == "W":
        return "W, the unembedding"
    domain = rest.removesuffix(_name_of(rest)).rstrip("_") if _name_of(rest) else ""
    return f"H, final-layer representations on {domain or 'id'}"


def _metric(rest: str) -> str:
    return _METRICS.get(_name_of(rest), f"{rest}, as it was given")
