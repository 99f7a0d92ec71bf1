"""Run the workflow on a study, one start of it at a time.

    python -m disentangle.running [STUDY.yaml ...] -- COMMAND...

The study files are read first, laid over config.yaml: a wrong one is told in one screen, whatever
Snakemake would say of it. Then COMMAND takes the place of this process, and holds the study's lock
as long as it lives. Other studies may run in the same folder meanwhile.
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
    """Become `command` while holding `lock_file`; leave with a message if it is held.

    The lock lives as long as the command's own process: the file stays open across exec, and
    its children do not inherit it. Snakemake's own lock outlives a kill and has to be removed
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
    """Run what the command line says; see the module."""
    arguments = sys.argv[1:]
    middle = arguments.index("--")
    try:
        start([Path(file) for file in arguments[:middle]], arguments[middle + 1 :])
    except StudyError as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None


def start(files: Sequence[Path], command: list[str]) -> None:
    """Become `command`, which runs the study that files describe; see `run_held`.

    Raises:
        StudyError: if they describe none.
    """
    study = read_study(files).study
    refusal = (
        f"The study {study} is running in this folder already. Wait until it ends, or stop it; "
        "`make status` says how far it is."
    )
    run_held(LOCKS / f"{study}.lock", command, refusal)


if __name__ == "__main__":
    main()
