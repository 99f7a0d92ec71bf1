"""SIGKILL at random moments of a study's whole life, from its text to its archive."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from fault_trials.trial import Trial
from fault_trials.workbench import (
    ARCHIVE,
    command,
    environment,
    fingerprints,
    finished,
    new_study,
    started,
)

LONGEST = 20.0
"""Seconds from a start to its kill, at most: several kills fall into one life."""


def trials(count: int, chance: random.Random, folder: Path) -> Iterator[Trial]:
    """Kill and start again, until the study is archived; then compare it, and begin another."""
    sound = fingerprints(finished(folder / "finished"))
    while count > 0:
        study, killed = new_study(folder / "killed"), []
        while count > 0 and not (study / ARCHIVE).exists():
            who = _start_and_kill(study, chance)
            if who is not None:
                killed.append(who)
                count -= 1
        done = [started(study), started(study, "archive")]
        said = "".join(one.stdout[-1500:] + one.stderr[-1500:] for one in done)
        well = all(one.returncode == 0 for one in done) and (study / ARCHIVE).exists()
        same = well and fingerprints(study) == sound and "Traceback" not in said
        for who in killed:
            # the life as a whole is compared: every kill of it is lost if it ends otherwise
            yield Trial(who, True, "recovered" if same else "lost", "" if same else said)


def _start_and_kill(study: Path, chance: random.Random) -> str | None:
    """Start what comes next, and kill it; None if it ended before."""
    target = ("archive",) if (study / "results/tiny/report.html").exists() else ()
    process = subprocess.Popen(
        command(*target),
        cwd=study,
        env=environment(study),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + chance.uniform(0.5, LONGEST)
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    if process.poll() is not None:
        return None
    who = chance.choice(["all processes", "Snakemake alone", "one job"])
    if who == "one job":
        jobs = psutil.Process(process.pid).children(recursive=True)
        if jobs:
            _kill(chance.choice(jobs).pid)
        process.wait()  # the others go on, and it says that one failed
    elif who == "Snakemake alone":
        process.kill()  # its jobs go on as orphans
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return f"{who} killed"


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
