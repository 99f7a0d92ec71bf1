"""Meanings of the observations' further columns by name: metrics by matrix, and scores."""

from collections.abc import Mapping
from types import MappingProxyType

from disentangle.vocabulary.matrices import BY_NAME as BY_MATRIX
from disentangle.vocabulary.metrics import BY_NAME, is_metric, read_column
from disentangle.vocabulary.scores import CHANGE, STDERR, score_of

NO_METRICS: Mapping[str, str] = MappingProxyType({})

_DERIVED = {
    STDERR: "Standard error of {of}, in its unit",
    CHANGE: "{of} minus that of the checkpoint it was made from; null as trained",
}


def meaning_of(column: str, own: Mapping[str, str] = NO_METRICS) -> str:
    """Meaning and unit of a metric's or score's column in the observations table.

    Args:
        column: its name.
        own: the user's own metrics, name to meaning.
    """
    for ending, meaning in _DERIVED.items():
        if column.endswith(ending):
            return meaning.format(of=column.removesuffix(ending))
    if is_metric(column):
        return _of_metric(column, own)
    if score := score_of(column):
        return score.meaning.format(of=column.removesuffix(score.ending))
    return f"Score {column}, in its own unit"


def _of_metric(column: str, own: Mapping[str, str]) -> str:
    of = read_column(column, own)
    kind = BY_MATRIX[of.matrix]
    matrix = f"{kind.name}, {kind.meaning}"
    if kind.by_domain:
        matrix += f", on {of.domain or 'id'}"
    if of.metric in BY_NAME:
        meaning = BY_NAME[of.metric].meaning
    else:
        meaning = own.get(of.metric, f"{of.metric}, as it was given")
    return f"{matrix}: {meaning}{'; of the matrix minus its column means' if of.centered else ''}"
