"""A disk that is full at a random moment: the whole study is on one of a random size."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fault_trials.trial import Trial
from fault_trials.workbench import ARCHIVE, fingerprints, finished, new_study, started

ROOM = 8 * 2**20
"""Bytes beside the workflow's own files that the study and its archive need, and some more."""
LEAST = 64 * 2**10
"""Bytes of the smallest disk beside those files."""


def trials(count: int, chance: random.Random, folder: Path) -> Iterator[Trial]:
    """Let a study run into the end of its disk, make room, and start it again.

    Raises:
        subprocess.CalledProcessError: where no disk can be mounted; it takes root.
    """
    sound = fingerprints(finished(folder / "finished"))
    for _ in range(count):
        room = int(chance.triangular(LEAST, ROOM, LEAST))
        disk = folder / "disk"
        disk.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)
        try:
            yield _trial(new_study(disk / "study"), room, sound)
        finally:
            subprocess.run(["umount", disk], check=True)


def _trial(study: Path, room: int, sound: dict[str, str]) -> Trial:
    used = shutil.disk_usage(study).used
    _resize(study.parent, used + room)
    fault = f"a disk with {room / 1e6:.1f} MB left"
    done = [started(study)]
    if done[0].returncode == 0:
        done.append(started(study, "archive"))
    said = "".join(one.stdout[-1500:] + one.stderr[-1500:] for one in done)
    if done[-1].returncode == 0:
        return Trial(fault, noticed=False, outcome="harmless")
    noticed = "No space left on device" in said
    _resize(study.parent, used + 10 * ROOM)
    again = [started(study), started(study, "archive")]
    well = all(one.returncode == 0 for one in again) and (study / ARCHIVE).exists()
    if noticed and well and fingerprints(study) == sound and "Traceback" not in said:
        return Trial(fault, noticed=True, outcome="recovered")
    said += "".join(one.stdout[-1500:] + one.stderr[-1500:] for one in again)
    return Trial(fault, noticed, "lost", said)


def _resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
