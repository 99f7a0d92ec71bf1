"""A start of the workflow: the files it changes before any job runs, and restores if none does.

Snakemake records the parameters of jobs in `.snakemake/`. Without these records (copied results) or
with `--rerun-triggers mtime` it uses modification times. Therefore the spec of each job is an input
file that is rewritten only if it changes. An output that differs from what its job wrote is moved
away, so that Snakemake finds it missing and plans its job.

Both happen when the workflow is read, before it is known whether any job will run. Dry runs and all
other starts without jobs restore the files on exit. Starts that overlap share the backup: the last
one to end restores it, unless one of them ran jobs.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from disentangle.storage import DamagedError, read_json, write_json
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.of_study import ONLY
from disentangle.study.specs.spec import AGAIN, Spec

ABSENT = ".absent"
"""Suffix, in the backup, that marks a file that did not exist before."""


class Start:
    """What one start of the workflow changes in a study's results."""

    def __init__(self, results: Path, notes: Path) -> None:
        """
        Args:
            results: the study's folder. Files set aside go to its `damaged/`.
            notes: a folder for the backup and for locks. Both paths must be absolute if the working
                directory may change.
        """
        self._folder, self._results = StudyFolder(results), results
        self._notes = notes
        self._replaced, self._set_aside = notes / "replaced", notes / "set_aside"
        notes.mkdir(parents=True, exist_ok=True)
        # every start holds this lock, shared, from here to its end
        self._alive = os.open(notes / "alive.lock", os.O_CREAT | os.O_RDWR, 0o644)
        with self._changing():
            if _locked(self._alive, fcntl.LOCK_EX):
                self._restore()  # the backup of a start that was killed before it ran a job
            _locked(self._alive, fcntl.LOCK_SH)

    def write_specs(
        self, specs: Mapping[str, Mapping[str, Spec]], again: Collection[tuple[str, str]] = ()
    ) -> None:
        """Write the spec of every job unless it is unchanged.

        Args:
            specs: rule to job to spec; see `specs.specs_of`.
            again: rule and name of jobs to run again even if their spec did not change; the only
                job of a rule may have the empty name.
        """
        with self._changing():
            for rule, jobs in specs.items():
                for job, spec in jobs.items():
                    path, content = self._folder.spec(rule, job), spec.to_json()
                    forced = {(rule, job), (rule, "" if job == ONLY else job)} & set(again)
                    if forced or not _is(path, content):
                        self._note(path.relative_to(self._results).as_posix())
                        # Snakemake treats a small file with the same content as unchanged
                        when = {AGAIN: time.time_ns()} if forced else {}
                        write_json(path, content | when)

    def set_aside(self, names: Iterable[str]) -> None:
        """Move files away, by their paths in the results; `keep` moves them to `damaged/`."""
        with self._changing():
            for name in names:
                with suppress(FileNotFoundError):  # another start was quicker
                    _move(self._results / name, self._set_aside / name)

    def keep(self) -> None:
        """Make all changes permanent, because jobs depend on them."""
        with self._changing():
            shutil.rmtree(self._replaced, ignore_errors=True)
            for name in _files_in(self._set_aside):
                _move(self._set_aside / name, self._results / "damaged" / name)

    def end(self) -> None:
        """Restore what was not kept, unless another start needs it."""
        with self._changing():
            if _locked(self._alive, fcntl.LOCK_EX):
                self._restore()
            os.close(self._alive)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock for changes."""
        descriptor = os.open(self._notes / "changing.lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            with suppress(OSError):  # not every shared file system supports locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _note(self, name: str) -> None:
        """Copy a file before it is replaced, unless a start before this one did."""
        path, copy = self._results / name, self._replaced / name
        absent = copy.with_name(copy.name + ABSENT)
        if copy.exists() or absent.exists():
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            shutil.copy2(path, copy)
        else:
            absent.touch()

    def _restore(self) -> None:
        for name in _files_in(self._replaced):
            path = self._results / name.removesuffix(ABSENT)
            if name.endswith(ABSENT):
                path.unlink(missing_ok=True)
                _remove_empty(path.parent)
            else:
                _move(self._replaced / name, path)
        shutil.rmtree(self._replaced, ignore_errors=True)
        for name in _files_in(self._set_aside):
            if not (self._results / name).exists():
                _move(self._set_aside / name, self._results / name)
        shutil.rmtree(self._set_aside, ignore_errors=True)


def _locked(descriptor: int, kind: int) -> bool:
    """Whether a lock could be taken at once. Without lock support every start counts as alone."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _files_in(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)


def _remove_empty(folder: Path) -> None:
    """Remove a folder and its parents as far as they are empty."""
    with suppress(OSError):
        while True:
            folder.rmdir()
            folder = folder.parent


def _is(path: Path, content: dict[str, Any]) -> bool:
    try:
        written = read_json(path)
        return bool(written | {AGAIN: None} == content | {AGAIN: None})
    except (FileNotFoundError, DamagedError, TypeError):
        return False
