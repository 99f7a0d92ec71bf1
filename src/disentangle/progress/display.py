"""The display of a study's course on a terminal: a line per stage, in place."""

import math
import threading
import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from disentangle.progress.course import Course, Job, Stage
from disentangle.progress.pace import Pace
from disentangle.progress.time_left import in_words, span, time_left

EVERY = 2.0
"""Seconds between two pictures while nothing happens: files tell how far running jobs are."""

SPARING = 20
"""A picture is kept so many times as long as it took to make, since large studies have many files
on slow disks."""

BAR = 24
"""Width of a stage's bar, in characters."""

NAMED = 2
"""Most running jobs that are named in a stage's line."""


def picture(course: Course, now: float, pace: Pace, title: str) -> RenderableType:
    """The course as a table of stages, under a line with the time.

    Args:
        course: the course so far.
        now: seconds since the epoch.
        pace: what is known of the jobs.
        title: the study's name.
    """
    head = Text.assemble(
        (title, "bold"), f"   {span(now - course.began)} so far, ", _left(course, now, pace)
    )
    head.no_wrap, head.overflow = True, "ellipsis"
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(width=BAR)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for stage in course.stages:
        style = "green" if stage.over else "bold" if stage.running else "dim"
        bar = ProgressBar(
            total=stage.due,
            completed=stage.done + sum(pace.share(job) or 0.0 for job in stage.running),
            width=BAR,
            complete_style="cyan",
            finished_style="green",
        )
        count = Text(f"{stage.done} of {stage.due}", style=style)
        table.add_row(Text(f"  {stage.name}", style=style), bar, count, _at_work(stage, pace))
    return Group(head, table)


def _left(course: Course, now: float, pace: Pace) -> str:
    return "done" if course.complete else in_words(time_left(course, now, pace))


def _at_work(stage: Stage, pace: Pace) -> Text:
    """What fails and what runs in a stage."""
    shown = Text()
    if stage.failed:
        shown.append(f"{stage.failed} failed ", style="bold red")
    if stage.name == "train" and stage.running and (runs := pace.runs_trained()):
        shown.append(f"{runs[0]} of {runs[1]} runs; ")
    named = [_named(job, pace) for job in stage.running[:NAMED]]
    further = len(stage.running) - NAMED
    return shown.append(", ".join([*named, *([f"{further} more"] if further > 0 else [])]))


def _named(job: Job, pace: Pace) -> str:
    name = job.name or job.rule
    share = pace.share(job)
    return name if share is None else f"{name} {math.floor(100 * share)}%"


class Display:
    """Shows the course on a terminal until it ends."""

    def __init__(self, console: Console, course: Course, pace: Pace, title: str) -> None:
        """Begin to show a course, which is changed by `change` only from now on."""
        self._lock = threading.Lock()
        self._console, self._course, self._pace, self._title = console, course, pace, title
        self._shown: RenderableType = ""
        self._kept_until = self._asked_until = 0.0
        self._live = Live(
            get_renderable=self._picture,
            console=console,
            refresh_per_second=2,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _picture(self) -> RenderableType:
        now = time.time()
        with self._lock:
            if now >= max(self._kept_until, self._asked_until):
                self._shown = picture(self._course, now, self._pace, self._title)
                self._kept_until = now + SPARING * (time.time() - now)
                self._asked_until = now + EVERY
            return self._shown

    def change(self, change: Callable[[], None]) -> None:
        """Change the course, and show it soon."""
        with self._lock:
            change()
            self._asked_until = 0.0

    def say(self, text: RenderableType) -> None:
        """Print above the table, to stay."""
        self._console.print(text)

    def end(self) -> None:
        """Leave the last picture on the screen."""
        with self._lock:
            self._kept_until = self._asked_until = 0.0
        self._live.stop()
