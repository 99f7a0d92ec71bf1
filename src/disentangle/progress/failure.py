"""What a failed job said, from its log."""

import re
from pathlib import Path

from disentangle.job import failed_log

TAIL = 20_000
"""Characters at a log's end that are searched for its last error."""

MOST_LINES = 12
"""Lines of a message that are shown; the log has the rest."""

HEAD = "Traceback (most recent call last)"
_NAMED = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:: (.*))?$", re.DOTALL)
OURS = "disentangle."
"""Errors of ours explain themselves: the name of their class is left out."""


def last_error(text: str) -> str:
    """The message of the last traceback in a text, all its lines; empty if there is none.

    Our own errors are shown without their class; of others the class is shown too.
    """
    _, found, after = text.rpartition(HEAD)
    if not found:
        return ""
    lines = after.splitlines()[1:]
    start = next((i for i, line in enumerate(lines) if line and not line.startswith(" ")), None)
    if start is None:
        return ""
    message = "\n".join(lines[start:]).strip()
    first, _, rest = message.partition("\n")
    if first.startswith(OURS) and (named := _NAMED.match(first)):
        first = named[2] or named[1]
    return f"{first}\n{rest}".strip()


def what_failed(log: Path | None, otherwise: str = "") -> str:
    """What a failed job said: its own message, at most `MOST_LINES` lines.

    Args:
        log: the job's log, if it has one.
        otherwise: what Snakemake says, for a job that left no message.
    """
    said = ""
    if log is not None:
        for path in (failed_log(log), log):
            try:
                said = said or last_error(path.read_text(errors="replace")[-TAIL:])
            except OSError:
                continue
    lines = (said or otherwise or "It ended without a message.").splitlines()
    kept = lines[:MOST_LINES]
    return "\n".join([*kept, "..."] if len(lines) > MOST_LINES else kept)


def log_of(log: Path) -> Path:
    """The file to read about a failed job: the one that a retry does not delete, if it is there."""
    return failed_log(log) if failed_log(log).is_file() else log
