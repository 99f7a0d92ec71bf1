"""The errors that are meant for the person at the screen."""

from collections.abc import Sequence

MOST_SHOWN = 25
"""Lines of a list that a screen has room for."""


def counted(faults: Sequence[object]) -> str:
    """How many faults there are, for a message."""
    return "one fault" if len(faults) == 1 else f"{len(faults)} faults"


OF_DISKS = {
    "No space left on device": "The disk is full",
    "Disk quota exceeded": "The disk quota is used up",
    "Read-only file system": "The disk cannot be written to",
}
"""How libraries pass on what the system says of a disk, and what that means."""


def disk_fault(error: BaseException) -> str | None:
    """What is wrong with the disk and what to do, if that is what an error is about."""
    said = repr(error)
    for words, meaning in OF_DISKS.items():
        if words in said:
            remedy = "Mend that, and start the same command again: what is done is kept."
            return f"{meaning}: {said}\n{remedy}"
    return None


def listed(lines: Sequence[str]) -> str:
    """A list for a message: a line each, and how many there was no room for."""
    further = len(lines) - MOST_SHOWN
    shown = [*lines[:MOST_SHOWN], *([f"and {further} more"] if further > 0 else [])]
    return "\n".join(f"  {line}" for line in shown)


class StudyError(Exception):
    """Something a user can put right: what is wrong, where, and what to do.

    Its message is shown as it stands, without a traceback, so it must be complete in itself
    and fit on one screen.
    """


class QuarantineError(StudyError):
    """A checkpoint that must not be measured: it is quarantined, and the study goes on without."""

    def __init__(self, message: str, reason: str) -> None:
        """
        Args:
            message: all that is to be said of it.
            reason: what is wrong, in a few words, for a table.
        """
        super().__init__(message)
        self.reason = reason
