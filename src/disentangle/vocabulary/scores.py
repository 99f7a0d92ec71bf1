"""Scores of a model: losses on held-out domains and task metrics. Column names end in a score.

Any number of a table can be an outcome; these are the ones with a known meaning.
"""

from dataclasses import dataclass

from disentangle.vocabulary.bounds import SHARE, Bounds


@dataclass(frozen=True)
class Score:
    """A kind of score: `<domain or task>_<name>` is its column."""

    name: str
    label: str
    """As readers say it."""
    bounds: Bounds | None
    meaning: str
    """With {of} for the domain or the task."""
    less_is_better: bool

    @property
    def ending(self) -> str:
        """The ending of its columns."""
        return f"_{self.name}"

    def of(self, domain: str) -> str:
        """Its column for a domain or a task."""
        return f"{domain}{self.ending}"


BITS_PER_BYTE = Score(
    "bits_per_byte",
    "bits per byte",
    Bounds(
        1e-6, 32, "bits per byte", "a log-likelihood? Change its sign; a perplexity is not a loss"
    ),
    "Loss on the held-out domain {of}, bits per byte",
    less_is_better=True,
)
LOSS = Score(
    "loss",
    "loss, nats per token",
    Bounds(1e-6, 100, "nats per token", "a log-likelihood? Change its sign"),
    "Loss on the held-out domain {of}, nats per token",
    less_is_better=True,
)
LOSSES = (BITS_PER_BYTE, LOSS)
"""The first is comparable between tokenizers, so it is used if both exist."""

SCORES = (
    *LOSSES,
    Score(
        "acc_norm",
        "accuracy, by length",
        SHARE,
        "Task {of}: share of right answers, likelihoods divided by the answers' length",
        less_is_better=False,
    ),
    Score("acc", "accuracy", SHARE, "Task {of}: share of right answers", less_is_better=False),
    Score(
        "log_perplexity",
        "log perplexity, nats",
        None,
        "Task {of}: logarithm of the perplexity, nats per answer",
        less_is_better=True,
    ),
    Score("perplexity", "perplexity", None, "Task {of}: perplexity", less_is_better=True),
    Score("brier_score", "Brier score", None, "Task {of}: Brier score", less_is_better=True),
)

LESS_IS_BETTER = tuple(score.ending for score in SCORES if score.less_is_better)
"""Endings of scores that are lower for better models; all others are higher."""

STDERR = "_stderr"
"""Suffix of the column of a score's standard error."""

CHANGE = "_change"
"""Suffix of the column of a loss's change by a perturbation."""


def score_of(column: str) -> Score | None:
    """The kind of score that a column holds, if it is one of these."""
    return next((score for score in SCORES if column.endswith(score.ending)), None)


def outcome_label(column: str) -> str:
    """A score's column in words: 'id: bits per byte'."""
    score, changed = column.removesuffix(CHANGE), "change, " if column.endswith(CHANGE) else ""
    for loss in LOSSES:
        if score.endswith(loss.ending):
            return f"{score.removesuffix(loss.ending)}: {changed}{loss.label}"
    return column.replace("_", " ")
