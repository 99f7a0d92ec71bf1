"""One job of the workflow: its log, its progress on screen, and its error messages."""

import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from disentangle.errors import StudyError, disk_fault
from disentangle.job_record import record_of, write_record
from disentangle.outputs import refuse_damaged

Say = Callable[[str], None]
"""Prints one line of progress on the screen."""


def about(subject: str, say: Say) -> Say:
    """Begin every line with a subject."""
    return lambda line: say(f"{subject}: {line}")


OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""Set for all jobs except the one that downloads."""

QUIET = {"TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1", "WANDB_MODE": "disabled"}
"""Keeps progress bars out of logs."""


GARBAGE_THRESHOLDS = (50_000, 50, 50)
"""Python looks for garbage cycles after so many new objects, instead of its usual 700: libraries
make a million permanent objects, and scanning them repeatedly is a tenth of the import time."""


@contextmanager
def job(name: str, snakemake: Any, *, online: bool = False) -> Iterator[Say]:
    """Send all output of a job to its log; yields a function that prints on the screen.

    Only the job that downloads is `online`.

    Inputs made by other jobs are compared with their recorded hashes. The process ends with the
    block, after writing a record of the job beside its log; see `disentangle.job_record`.

    Libraries print to file descriptors, so these are redirected, not `sys.stdout`. A `StudyError`
    is shown on the screen in full, any other error in one line. Either way the job ends with status
    1, and the traceback is in the log. Since Snakemake deletes the log of a job that it retries,
    the logs of failed starts are also kept in another file.
    """
    began, log = datetime.now(UTC), Path(snakemake.log[0])
    os.environ |= QUIET if online else QUIET | OFFLINE
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    screen = os.fdopen(os.dup(2), "w", buffering=1)
    log.parent.mkdir(parents=True, exist_ok=True)
    record_of(log).unlink(missing_ok=True)  # from an earlier start; a killed job has no record
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

    def say(line: str) -> None:
        print(f"{name}: {line}", file=screen)
        print(line, flush=True)  # to the log too: a cluster shows no screen

    status = 0
    try:
        try:
            refuse_damaged([Path(path) for path in snakemake.input], log)
            yield say
        except BaseException as error:
            status = 1
            print(_in_words(name, error, log), file=screen)
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        if status:
            with failed_log(log).open("a") as kept:
                print(f"=== failed at {datetime.now(UTC).isoformat(timespec='seconds')}", file=kept)
                kept.write(log.read_text(errors="replace"))
        write_record(snakemake, log, began, status)
    except OSError as error:  # a full disk has no room for a log or a record either
        status = 1
        print(_in_words(name, error, log), file=screen)
    os._exit(status)  # at once: freeing a million objects takes Python a second


def _in_words(name: str, error: BaseException, log: Path) -> str:
    """A job's message about its failure; empty if it was told to end."""
    if isinstance(error, StudyError):
        return f"\n{name} stopped:\n{error}\n"
    if fault := disk_fault(error):
        return f"\n{name} stopped:\n{fault}\n"
    if isinstance(error, SystemExit):
        return ""
    return f"\n{name} failed: {error!r}\nThe traceback is in {failed_log(log)}\n"


def failed_log(log: Path) -> Path:
    """The file with the logs of all failed starts."""
    return Path(f"{log}.failed")


class Throttle:
    """Lets one call through every `seconds`, the first one at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def ready(self) -> bool:
        """Whether it is time again."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
