"""What the observations' further columns mean, by their names: metrics by matrix, and scores."""

from disentangle.vocabulary.metrics import BY_NAME, is_metric, read_column
from disentangle.vocabulary.scores import CHANGE, STDERR, score_of

_DERIVED = {
    STDERR: "Standard error of {of}, in its unit",
    CHANGE: "{of} minus that of the checkpoint it was made from; null as trained",
}


def meaning_of(column: str) -> str:
    """Meaning and unit of a metric's or a score's column of the observations table."""
    for ending, meaning in _DERIVED.items():
        if column.endswith(ending):
            return meaning.format(of=column.removesuffix(ending))
    if is_metric(column):
        return _of_metric(column)
    if score := score_of(column):
        return score.meaning.format(of=column.removesuffix(score.ending))
    return f"Score {column}, in its own unit"


def _of_metric(column: str) -> str:
    of = read_column(column)
    if of.matrix == "W":
        matrix = "W, the unembedding"
    else:
        matrix = f"H, final-layer representations on {of.domain or 'id'}"
    if of.metric in BY_NAME:
        meaning = BY_NAME[of.metric].meaning
    else:
        meaning = f"{of.metric}, as it was given"
    return f"{matrix}: {meaning}{'; of the matrix minus its column means' if of.centered else ''}"
