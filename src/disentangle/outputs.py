"""Compare outputs of jobs with their recorded hashes."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from disentangle.checkpoint.cohort import changed_manifests
from disentangle.errors import listed
from disentangle.job_record import read_record, record_paths
from disentangle.storage import DamagedError, sha256_of
from disentangle.study.results_folder import StudyFolder

LARGEST = 64 << 20
"""Outputs up to this size in bytes are compared before every use; the audit compares all."""

SEEN_WITHIN = 60
"""Seconds after which all machines see what one of them wrote to a shared file system."""

READERS = 8
"""Files that are hashed in parallel: hashing releases Python's lock."""


@dataclass(frozen=True)
class Output:
    """A file that a job made."""

    path: Path
    sha256: str
    """As the job left it."""
    job: tuple[str, str]
    """The job that made it: its rule, and its name among the jobs of the rule."""
    record: Path

    def is_damaged(self) -> bool:
        """Whether the file exists and differs from what the job wrote.

        A job deletes its record when it begins, so a file that is being rewritten is not damaged.
        """
        try:
            differs = sha256_of(self.path) != self.sha256
        except FileNotFoundError:
            return False
        return differs and _recorded(self.record).get(str(self.path)) == self.sha256


def _recorded(record: Path) -> dict[str, str]:
    """Hashes of a job's outputs; none of a job that failed, or that an earlier version ran."""
    try:
        found = read_record(record).get("sha256")
    except (FileNotFoundError, DamagedError):
        return {}
    return found if isinstance(found, dict) else {}


def outputs_of(logs: Path) -> list[Output]:
    """All outputs whose hashes jobs recorded.

    Args:
        logs: the folder of a study's logs.
    """
    return [
        Output(Path(path), sha256, job, record)
        for job, record in record_paths(logs).items()
        for path, sha256 in _recorded(record).items()
    ]


def damaged(outputs: Iterable[Output], largest: float = LARGEST) -> list[Output]:
    """Outputs of at most `largest` bytes that changed since their jobs made them."""
    due = [output for output in outputs if _size(output.path) <= largest]
    with ThreadPoolExecutor(READERS) as pool:
        return [o for o, is_so in zip(due, pool.map(Output.is_damaged, due), strict=True) if is_so]


def _size(path: Path) -> float:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def refuse_damaged(inputs: Sequence[Path], log: Path) -> None:
    """Refuse inputs that changed since their jobs made them.

    Args:
        inputs: a job's inputs.
        log: the job's log, in the folder of the study's logs.

    Raises:
        DamagedError: with the first such file and the job that makes it.
    """
    logs = next((folder for folder in log.parents if folder.name == "logs"), None)
    if logs is None or not inputs:
        return
    wanted = {path.absolute() for path in inputs}
    suspects = damaged(output for output in outputs_of(logs) if output.path.absolute() in wanted)
    if not suspects:
        return
    _wait_until_seen(suspects)
    for output in damaged(output for output in outputs_of(logs) if output in suspects):
        raise DamagedError(
            output.path,
            f"is damaged or was changed by hand since {job_name(output.job)} made it",
            "Start the same command again: it moves the file away and makes it again.",
        )


def _wait_until_seen(outputs: Iterable[Output]) -> None:
    """Wait while a shared file system may still show an older record, or an older file."""
    paths = [path for output in outputs for path in (output.path, output.record)]
    newest = max((path.stat().st_mtime for path in paths if path.exists()), default=0)
    time.sleep(max(0, min(SEEN_WITHIN, newest + SEEN_WITHIN - time.time())))


def job_name(job: tuple[str, str]) -> str:
    """A job's name for readers."""
    return " ".join(job).strip()


def damaged_files(results: Path) -> dict[str, tuple[str, str]]:
    """Files of a study that are to be made again, and the job that makes each.

    Small outputs that are not as their jobs left them; records that cannot be read; and what stands
    for a trained run whose manifest is not the one it names, together with that manifest: its job
    finds all that is trained and writes both again.

    Args:
        results: the study's folder, relative to where the workflow runs.

    Returns:
        Path in the study's folder to rule and name of its job.
    """
    study = StudyFolder(results)
    outputs = outputs_of(study.logs)
    found = {output.path: output.job for output in damaged(outputs)}
    found |= {record: job for job, record in record_paths(study.logs).items() if _torn(record)}
    for output in outputs:
        stands_for_runs = output.path.parent == study.trained().parent and output.path.is_file()
        if stands_for_runs and output.path not in found:
            for manifest in changed_manifests(output.path, study.checkpoints):
                found[output.path] = found[manifest] = output.job
    inside = (path for path in found if path.is_file() and path.is_relative_to(results))
    return {path.relative_to(results).as_posix(): found[path] for path in inside}


def _torn(record: Path) -> bool:
    try:
        read_record(record)
    except FileNotFoundError:  # its job begins just now
        return False
    except DamagedError:
        return True
    return False


def damage_in_words(found: Mapping[str, tuple[str, str]], results: Path) -> str:
    """What to tell of files that are set aside to be made again.

    Args:
        found: path in the study's folder to its job.
        results: the study's folder.
    """
    lines = listed([f"{results / name}, made by {job_name(job)}" for name, job in found.items()])
    return (
        "These files are damaged, or were changed by hand since their jobs made them:\n"
        f"{lines}\n"
        "They are made again, without any training. "
        f"The old ones are kept in {results / 'damaged'}."
    )
