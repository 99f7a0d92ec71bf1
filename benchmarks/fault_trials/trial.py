"""What came of one fault."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["recovered", "refused", "harmless", "lost"]
"""recovered: everything is as without the fault, by starting again or by what the message says.
refused: the fault was named, and nothing was made of what it touched. harmless: nothing depends on
what it touched. lost: something is wrong or gone and nobody said so, or a start ended in a
traceback."""


@dataclass(frozen=True)
class Trial:
    """One fault and its outcome."""

    fault: str
    """What was done, for readers."""
    noticed: bool
    """Whether a message named it; a kill is noticed by who kills."""
    outcome: Outcome
    said: str = ""
    """Of a fault that was lost: the end of what was said."""


def line_of(kind: str, trials: Iterable[Trial]) -> str:
    """The row of the table of docs/reliability.md."""
    found = list(trials)
    count = Counter(trial.outcome for trial in found)
    noticed = sum(trial.noticed for trial in found)
    cells = [kind, len(found), noticed, *(count[outcome] for outcome in HEADER[3:])]
    return "| " + " | ".join(map(str, cells)) + " |"


HEADER = ("fault", "tried", "noticed", "recovered", "refused", "harmless", "lost")
