"""What the files of a study tell about how long its jobs take."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from disentangle.checkpoint.manifest import run_manifest
from disentangle.job_record import record_paths
from disentangle.progress.course import Course, Job
from disentangle.progress.training import runs_of, share_trained, work_of
from disentangle.storage import DamagedError, read_json
from disentangle.study.results_folder import StudyFolder, matching

TRAINING = "pretrain"
"""The rule whose jobs differ by orders of magnitude, and write how far they are."""


@dataclass(frozen=True)
class Timed:
    """A job that ended: its work, in any unit, and how long it took."""

    work: float
    seconds: float


class Pace:
    """The work of a study's jobs, and how long jobs of earlier starts took."""

    def __init__(self, results: Path | None) -> None:
        """
        Args:
            results: the study's folder; None if it is not known, so that all jobs count the same.
        """
        self._folder = None if results is None else StudyFolder(results)
        self._share_at_first: dict[Path, float] = {}
        self.earlier: dict[str, list[Timed]] = {}
        """Rule to the jobs that ended well in earlier starts, from their records."""
        if self._folder is not None:
            for (rule, name), path in record_paths(self._folder.logs).items():
                with suppress(OSError, DamagedError, KeyError, TypeError, ValueError):
                    record = read_json(path)
                    if record["status"] == 0:
                        timed = Timed(self.work(rule, name), float(record["wall_seconds"]))
                        self.earlier.setdefault(rule, []).append(timed)

    def work(self, rule: str, name: str) -> float:
        """The work of a job: operations of training; 1 for a job of another rule."""
        if rule != TRAINING or self._folder is None:
            return 1.0
        return work_of(self._folder.spec(rule, name)) or 1.0

    def work_to_begin(self, course: Course, rule: str) -> list[float]:
        """The work of each job of a rule that may still begin; empty if their names are unknown.

        Snakemake says how many jobs of a rule are due, and not which.
        """
        if self._folder is None:
            return []
        begun = course.names_begun(rule)
        names = {path.stem for path in matching(self._folder.spec(rule, "*"))} - begun
        return [self.work(rule, name) for name in sorted(names)]

    def share(self, job: Job) -> float | None:
        """The share of a running job that it has done since it began; None if unknown.

        What a resumed run had trained before it began does not count for its pace.
        """
        if job.rule != TRAINING or job.spec is None:
            return None
        trained = share_trained(job.spec)
        first = self._share_at_first.setdefault(job.spec, trained)
        if trained < first:  # it resumes from a state before its last step
            first = self._share_at_first[job.spec] = trained
        return (trained - first) / (1 - first) if first < 1 else None

    def runs_trained(self) -> tuple[int, int] | None:
        """How many of the study's runs are trained, and how many it has; None if it trains none."""
        if self._folder is None:
            return None
        specs = matching(self._folder.spec(TRAINING, "*"))
        runs = [run.name for spec in specs for run in runs_of(spec)]
        made = (run_manifest(self._folder.checkpoints, run).is_file() for run in runs)
        return (sum(made), len(runs)) if runs else None
