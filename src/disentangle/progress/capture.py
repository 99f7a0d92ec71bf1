"""What jobs write on the screen, sent to a file while a display is on it."""

import os
from pathlib import Path

SCREEN = (1, 2)
"""File descriptors that jobs inherit and write to."""


class Capture:
    """Sends this process's standard output and error, and those of its children, to a file.

    A file and not a pipe: it needs no reader, so no job can wait for one, and it is there after a
    kill.
    """

    def __init__(self, file: Path) -> None:
        """
        Args:
            file: is written anew.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        self._screen = [os.dup(descriptor) for descriptor in SCREEN]
        target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        for descriptor in SCREEN:
            os.dup2(target, descriptor)
        os.close(target)

    def end(self) -> None:
        """Give the screen back."""
        for descriptor, kept in zip(SCREEN, self._screen, strict=True):
            os.dup2(kept, descriptor)
            os.close(kept)
