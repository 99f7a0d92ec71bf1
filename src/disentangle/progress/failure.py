"""What a failed job said, from its log."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from disentangle.job import failed_log

TAIL = 20_000
"""Characters at a log's end that are searched for its last error."""

MOST_LINES = 12
"""Lines of a message that are shown; the log has the rest."""

ADVICE = (" Detailed failure reason unavailable", "For further error details see")
"""What the SLURM plugin and Snakemake add to the state of a job; the log is named anyway."""

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


def what_failed(logs: Sequence[Path], scheduler: str = "", otherwise: str = "") -> str:
    """What a failed job said, at most `MOST_LINES` lines, and what the scheduler said of it.

    Args:
        logs: the job's log, then the scheduler's of this job, if there are any.
        scheduler: the state in which a cluster's scheduler found the job.
        otherwise: what Snakemake says, for a job that left no message.
    """
    for advice in ADVICE:
        scheduler = scheduler.partition(advice)[0]
    said = next(filter(None, map(last_error, _read(logs))), "")
    lines = (said or scheduler or otherwise or "It ended without a message.").splitlines()
    shown = [*lines[:MOST_LINES], "..."] if len(lines) > MOST_LINES else lines
    return "\n".join([*shown, scheduler] if said and scheduler else shown)


def _read(logs: Sequence[Path]) -> Iterator[str]:
    for log in logs:
        for path in (failed_log(log), log):
            with suppress(OSError):
                yield path.read_text(errors="replace")[-TAIL:]


def log_of(logs: Sequence[Path]) -> Path | None:
    """The file to read about a failed job: its log that a retry does not delete, if it is there.

    Args:
        logs: the job's log, then the scheduler's, which alone is there if the job never began.
    """
    candidates = [path for log in logs for path in (failed_log(log), log)]
    return next((path for path in candidates if path.is_file()), logs[0] if logs else None)
