"""The course of a study so far: which jobs of which stage are due, at work, done or failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from disentangle.progress.stages import STAGE_OF, STAGES


@dataclass(frozen=True)
class Job:
    """A job that has begun."""

    rule: str
    name: str
    """Its name among the jobs of its rule; empty for the only one."""
    began: float
    """Seconds since the epoch."""
    log: Path | None = None
    spec: Path | None = None

    @property
    def title(self) -> str:
        """Its rule and name."""
        return f"{self.rule} {self.name}".strip()


@dataclass(frozen=True)
class Ended:
    """A job that has ended well."""

    job: Job
    seconds: float


@dataclass(frozen=True)
class Stage:
    """How far a stage is. Counts are of jobs."""

    name: str
    due: int
    """In this start of the workflow, done ones included."""
    done: int
    failed: int
    running: tuple[Job, ...]

    @property
    def over(self) -> bool:
        """Whether all its jobs have ended well."""
        return self.done == self.due


@dataclass
class Course:
    """Follows the jobs of one start of the workflow."""

    due: Mapping[str, int]
    """Rule to its number of jobs."""
    began: float
    """Seconds since the epoch."""
    running: dict[int, Job] = field(default_factory=dict)
    """By Snakemake's number of the job."""
    ended: list[Ended] = field(default_factory=list)
    failed: dict[int, Job] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: Mapping[str, int], began: float) -> "Course":
        """From Snakemake's count of jobs by rule, without rules that are no work of a stage."""
        return cls({rule: n for rule, n in counts.items() if rule in STAGE_OF}, began)

    def begin(self, number: int, job: Job) -> None:
        """A job has begun; one that failed before is tried again."""
        if job.rule in self.due:
            self.failed.pop(number, None)
            self.running[number] = job

    def end(self, number: int, now: float) -> None:
        """A job has ended well."""
        if job := self.running.pop(number, None):
            self.ended.append(Ended(job, now - job.began))

    def stop(self, number: int) -> None:
        """A job was stopped, and has to begin again."""
        self.running.pop(number, None)

    def fail(self, number: int) -> Job | None:
        """A job has failed; returns it, or None if it is no job of a stage."""
        job = self.running.pop(number, None)
        if job is not None:
            self.failed[number] = job
        return job

    @property
    def stages(self) -> list[Stage]:
        """All stages with jobs, in order."""
        return [stage for stage in map(self._stage, STAGES) if stage.due]

    def _stage(self, name: str) -> Stage:
        return Stage(
            name,
            due=sum(count for rule, count in self.due.items() if STAGE_OF[rule] == name),
            done=sum(STAGE_OF[one.job.rule] == name for one in self.ended),
            failed=sum(STAGE_OF[job.rule] == name for job in self.failed.values()),
            running=tuple(job for job in self.running.values() if STAGE_OF[job.rule] == name),
        )

    @property
    def complete(self) -> bool:
        """Whether all jobs have ended well."""
        return len(self.ended) == sum(self.due.values())

    def to_begin(self, rule: str) -> int:
        """How many jobs of a rule have not begun."""
        return max(0, self.due[rule] - sum(job.rule == rule for job in self._begun()))

    def names_begun(self, rule: str) -> set[str]:
        """Names of the jobs of a rule that have begun."""
        return {job.name for job in self._begun() if job.rule == rule}

    def _begun(self) -> list[Job]:
        return [*(one.job for one in self.ended), *self.running.values(), *self.failed.values()]
