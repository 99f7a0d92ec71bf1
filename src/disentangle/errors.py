"""Errors whose messages are meant for the user."""

from collections.abc import Sequence

MOST_SHOWN = 25
"""Most lines of a list in a message."""


def counted(faults: Sequence[object]) -> str:
    """How many faults there are, for a message."""
    return "one fault" if len(faults) == 1 else f"{len(faults)} faults"


OF_DISKS = {
    "No space left on device": "The disk is full",
    "Disk quota exceeded": "The disk quota is used up",
    "Read-only file system": "The disk cannot be written to",
}
"""The system's error messages about disks, as libraries report them, and their meaning."""


def disk_fault(error: BaseException) -> str | None:
    """If an error is about the disk: what is wrong with it, and what to do."""
    said = repr(error)
    for words, meaning in OF_DISKS.items():
        if words in said:
            remedy = "Fix this, and start the same command again: what is done is kept."
            return f"{meaning}: {said}\n{remedy}"
    return None


def listed(lines: Sequence[str]) -> str:
    """A list for a message, one line per item, ending with the number of items left out."""
    further = len(lines) - MOST_SHOWN
    shown = [*lines[:MOST_SHOWN], *([f"and {further} more"] if further > 0 else [])]
    return "\n".join(f"  {line}" for line in shown)


class StudyError(Exception):
    """An error that the user can fix; the message says what is wrong, where, and what to do.

    The message is shown without a traceback, so it must be complete in itself and fit on one
    screen.
    """


class QuarantineError(StudyError):
    """A checkpoint that must not be measured; the study continues without it."""

    def __init__(self, message: str, reason: str) -> None:
        """
        Args:
            message: the full message.
            reason: what is wrong, in a few words, for a table.
        """
        super().__init__(message)
        self.reason = reason
