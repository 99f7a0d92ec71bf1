"""The course of a study as plain lines, where there is no terminal: one for each stage's change."""

from collections.abc import Iterator

from disentangle.progress.course import Course
from disentangle.progress.pace import Pace
from disentangle.progress.time_left import in_words, span, time_left


class Lines:
    """Says what has changed since it was last asked."""

    def __init__(self, pace: Pace) -> None:
        """
        Args:
            pace: what is known of the jobs.
        """
        self._pace = pace
        self._begun: dict[str, float] = {}
        self._over: set[str] = set()

    def begin(self, course: Course) -> str:
        """The first line: what is due."""
        return "To do: " + ", ".join(f"{stage.name} {stage.due}" for stage in course.stages)

    def changed(self, course: Course, now: float) -> Iterator[str]:
        """A line for each stage that began or ended since the last call.

        Args:
            course: the course so far.
            now: seconds since the epoch.
        """
        for stage in course.stages:
            if stage.name not in self._begun and (stage.running or stage.done or stage.failed):
                self._begun[stage.name] = now
                yield f"{stage.name}: begun"
            if stage.over and stage.name not in self._over:
                self._over.add(stage.name)
                took = span(now - self._begun[stage.name])
                left = "" if course.complete else in_words(time_left(course, now, self._pace))
                told = [f"{stage.name}: done, {stage.done} of {stage.due} in {took}", left]
                yield "; ".join(filter(None, told))
