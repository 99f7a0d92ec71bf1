"""A lock that gives a folder one writer at a time, across machines with a shared file system."""

import fcntl
import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from disentangle.cluster import job_runs
from disentangle.errors import StudyError

BEAT_SECONDS = 20
"""How often a holder touches its lock."""

STALE_SECONDS = 180
"""A lock from another machine that was not touched for this long belongs to a dead process."""


LOCK = ".held"
"""Name of the lock in a folder."""


@dataclass(frozen=True)
class Holder:
    """Who holds a folder."""

    host: str
    pid: int
    began: float
    """Start of the process, seconds since the epoch, since process ids are reused."""
    job: str
    """SLURM's job id; empty outside SLURM."""
    token: str
    """Identifies this hold of the lock."""

    @classmethod
    def here(cls) -> "Holder":
        """This process."""
        return cls(
            host=socket.gethostname(),
            pid=os.getpid(),
            began=psutil.Process().create_time(),
            job=os.environ.get("SLURM_JOB_ID", ""),
            token=uuid.uuid4().hex,
        )

    @property
    def runs_here(self) -> bool:
        """Whether it is a live process of this machine."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.began) < 1
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@contextmanager
def held(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a folder while the block runs.

    The lock is a file that names its holder; the holder touches it every `BEAT_SECONDS`. The lock
    of a dead holder is taken over: at once if the holder ran on this machine or was an earlier
    start of the same cluster job, else after `STALE_SECONDS`. This function waits for that, for a
    process on this machine, and for a cluster job that is ending: a failed job is resubmitted
    within seconds, and must find the folder free.

    Raises:
        StudyError: if the folder is held by another running cluster job, or from another machine,
            and the holder is alive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, mine = folder / LOCK, Holder.here()
    waited_for: Holder | None = None
    touched: int | None = None
    while (holder := _take(lock, mine)) is not None:
        if holder != waited_for:
            waited_for, touched = holder, _touched(lock)
            say(f"{folder} is held by {_name(holder)}; waiting until it ends")
        elif _touched(lock) not in (touched, None) and _is_at_work(holder, mine):
            raise StudyError(_refusal(folder, holder))
        time.sleep(0.5)
    ended = threading.Event()
    beats = threading.Thread(target=_beat, args=(lock, mine, ended), daemon=True)
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join()
        if _read(lock) == mine:
            lock.unlink()


def holder_of(folder: Path) -> Holder | None:
    """Who holds a folder, or held it when it died."""
    return _read(folder / LOCK)


def _is_at_work(holder: Holder, mine: Holder) -> bool:
    """Whether a live holder is unlikely to end soon."""
    if holder.job:
        return holder.job != mine.job and job_runs(holder.job)
    return holder.host != mine.host


def _touched(lock: Path) -> int | None:
    try:
        return lock.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _name(holder: Holder) -> str:
    return f"SLURM job {holder.job}" if holder.job else f"process {holder.pid}"


def _refusal(folder: Path, holder: Holder) -> str:
    stop = f"scancel {holder.job}" if holder.job else f"kill {holder.pid}"
    return (
        f"{folder} is held by {_name(holder)} on {holder.host}, which is at work in it.\n"
        f"Wait until it ends, or stop it ({stop}, on {holder.host}); then start again: what is "
        f"done is kept.\nIf it has died, its lock expires after {STALE_SECONDS} seconds."
    )


def _take(lock: Path, mine: Holder) -> Holder | None:
    """Take the lock, or return its live holder."""
    while True:
        try:
            descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            holder = _read(lock)
            if not _is_gone(holder, lock, mine):
                if holder is not None:
                    return holder
                time.sleep(0.1)  # it is being written
                continue
            _remove(lock, holder)
        else:
            with os.fdopen(descriptor, "w") as file:
                json.dump(asdict(mine), file)
            return None


def _remove(lock: Path, holder: Holder | None) -> None:
    """Remove a dead holder's lock, unless another process has already replaced it."""
    with suppress(FileNotFoundError), lock.open() as stale:
        with suppress(OSError):  # without locks in the file system, this is a race
            fcntl.flock(stale, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(stale.fileno()), lock.stat()) and _read(lock) == holder:
            lock.unlink()


def _read(lock: Path) -> Holder | None:
    try:
        return Holder(**json.loads(lock.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _is_gone(holder: Holder | None, lock: Path, mine: Holder) -> bool:
    if holder is not None and holder.host == mine.host:
        return not holder.runs_here
    if holder is not None and holder.job and holder.job == mine.job:
        return True  # a requeued job that starts on another machine
    clock = lock.with_name(f".clock.{mine.token}")
    clock.touch()  # uses the file system's clock, since those of machines may differ
    try:
        return clock.stat().st_mtime - lock.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:
        return True
    finally:
        clock.unlink()


def _beat(lock: Path, mine: Holder, ended: threading.Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        if _read(lock) != mine:
            # this process was suspended until another took over; only one may write
            print(
                f"{lock.parent} was taken over by another process; this one ends", file=sys.stderr
            )
            for child in psutil.Process().children(recursive=True):
                child.kill()  # those that train for it
            os._exit(1)
        os.utime(lock)
