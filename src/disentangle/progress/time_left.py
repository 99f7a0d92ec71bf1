"""The time that a study still needs, from the jobs that have ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from disentangle.progress.course import Course, Job
from disentangle.progress.pace import Pace, Timed
from disentangle.progress.stages import STAGE_OF

EARLIEST = 0.05
"""Share of a job that must be done before its own pace tells when it will end."""


def seconds_of(work: float, timed: Sequence[Timed]) -> float | None:
    """The expected seconds of a job, from ended jobs of its rule; None without any.

    With jobs of several amounts of work it is the least-squares line t = a + b w with a, b >= 0,
    where a is the time to start. With one amount only, a larger job is taken to need
    proportionally more, and a smaller one as much: rather too long than too short.

    Args:
        work: the job's work.
        timed: ended jobs of its rule.
    """
    if not timed:
        return None
    works = [one.work for one in timed]
    seconds = [one.seconds for one in timed]
    centre, middle = mean(works), mean(seconds)
    spread = sum((w - centre) ** 2 for w in works)
    if spread == 0:
        return middle * max(1.0, work / centre)
    slope = sum((w - centre) * (s - middle) for w, s in zip(works, seconds, strict=True)) / spread
    if slope <= 0:
        return middle
    if slope * centre > middle:  # the line would begin below 0: through the origin instead
        through = sum(w * s for w, s in zip(works, seconds, strict=True))
        return work * through / sum(w * w for w in works)
    return middle + slope * (work - centre)


@dataclass(frozen=True)
class TimeLeft:
    """An estimate of the time left."""

    seconds: float
    """Of all jobs that can be estimated."""
    unknown: tuple[str, ...]
    """Stages with jobs that cannot: no job of their rule has ended yet."""


def time_left(course: Course, now: float, pace: Pace) -> TimeLeft:
    """Estimate the time that is left.

    The seconds of rules with several jobs are divided by the mean number of jobs that ran at once
    so far. Rules with a single job, such as those that make the tables, wait for each other: their
    seconds are added.

    Args:
        course: the course so far.
        now: seconds since the epoch.
        pace: what is known of the jobs.
    """
    timed = {rule: list(known) for rule, known in pace.earlier.items()}
    for one in course.ended:
        work = pace.work(one.job.rule, one.job.name)
        timed.setdefault(one.job.rule, []).append(Timed(work, one.seconds))
    shared, alone = 0.0, 0.0
    unknown = set()
    for rule, due in course.due.items():
        like = timed.get(rule, [])
        expected = [
            _still(job, now, pace, like) for job in course.running.values() if job.rule == rule
        ]
        to_begin = course.to_begin(rule)
        if to_begin and like:
            works = pace.work_to_begin(course, rule) or [1.0]
            expected.append(to_begin * mean(seconds_of(work, like) or 0.0 for work in works))
        if None in expected or (to_begin and not like):
            unknown.add(STAGE_OF[rule])
        seconds = sum(one for one in expected if one is not None)
        shared, alone = (shared + seconds, alone) if due > 1 else (shared, alone + seconds)
    stages = tuple(stage.name for stage in course.stages if stage.name in unknown)
    return TimeLeft(shared / _at_once(course, now) + alone, stages)


def _still(job: Job, now: float, pace: Pace, like: Sequence[Timed]) -> float | None:
    """Seconds that a running job still needs, by its own pace or by that of others."""
    elapsed = now - job.began
    share = pace.share(job)
    if share is not None and share >= EARLIEST:
        return elapsed * (1 - share) / share
    expected = seconds_of(pace.work(job.rule, job.name), like)
    return None if expected is None else max(0.0, expected - elapsed)


def _at_once(course: Course, now: float) -> float:
    """Mean number of jobs that ran at once, at least 1."""
    busy = sum(one.seconds for one in course.ended)
    busy += sum(now - job.began for job in course.running.values())
    elapsed = now - course.began
    return max(1.0, busy / elapsed) if elapsed > 0 else 1.0


def in_words(left: TimeLeft) -> str:
    """The estimate as a phrase."""
    if left.unknown and left.seconds < 1:
        return "time left not known yet"
    if left.unknown:
        return f"more than {span(left.seconds)} left ({', '.join(left.unknown)} not timed yet)"
    return f"about {span(left.seconds)} left"


def span(seconds: float) -> str:
    """A span of time in two digits: '40 s', '12 min', '3.5 h', '2.1 d'."""
    for length, unit in ((86400, "d"), (3600, "h")):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
