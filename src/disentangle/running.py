"""Run the workflow on a study, once at a time per study.

    python -m disentangle.running [STUDY.yaml ...] -- COMMAND...

The study files, which override config.yaml, are read first, so that an error in them gives a short
message instead of Snakemake's. Then COMMAND replaces this process, and holds the study's lock until
it ends. Other studies may run in the same folder at the same time.
"""

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from disentangle.errors import StudyError
from disentangle.study.file import read_study

LOCKS = Path(".snakemake/running")


def run_held(lock_file: Path, command: list[str], refusal: str) -> None:
    """Replace this process by `command`, holding `lock_file`; exit with a message if it is held.

    The lock lasts as long as the command's own process: the file stays open across exec, and
    its children do not inherit it. Snakemake's own lock survives a kill and must be removed
    by hand; with this one `--nolock` is safe.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(refusal)
    os.set_inheritable(descriptor, True)
    os.execvp(command[0], command)  # noqa: S606 (the command is the Makefile's)


def main() -> None:
    """Entry of the command; see the module."""
    arguments = sys.argv[1:]
    middle = arguments.index("--")
    try:
        start([Path(file) for file in arguments[:middle]], arguments[middle + 1 :])
    except StudyError as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None


def start(files: Sequence[Path], command: list[str]) -> None:
    """Replace this process by `command`, which runs the study in `files`; see `run_held`.

    Raises:
        StudyError: if the files do not describe a study.
    """
    study = read_study(files).study
    refusal = (
        f"The study {study} is already running in this folder. Wait until it ends, or stop it; "
        "`make status` shows its progress."
    )
    run_held(LOCKS / f"{study}.lock", command, refusal)


if __name__ == "__main__":
    main()
