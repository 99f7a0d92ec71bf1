"""The display of a study's course on a terminal: a line per stage, in place."""

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
"""Seconds between two looks at the files of running jobs."""

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
            completed=stage.done,
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
    return name if share is None else f"{name} {share:.0%}"


class Display:
    """Shows the course on a terminal until it ends."""

    def __init__(self, console: Console, course: Course, pace: Pace, title: str) -> None:
        """Begin to show a course. Others change it only under `lock`."""
        self.lock = threading.Lock()
        self._console, self._course, self._pace, self._title = console, course, pace, title
        self._shown: tuple[float, RenderableType] | None = None
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
        with self.lock:
            if self._shown is None or now - self._shown[0] >= EVERY:
                self._shown = now, picture(self._course, now, self._pace, self._title)
            return self._shown[1]

    def change(self, change: Callable[[], None]) -> None:
        """Change the course, and show it soon."""
        with self.lock:
            change()
            self._shown = None

    def say(self, text: RenderableType) -> None:
        """Print above the table, to stay."""
        self._console.print(text)

    def end(self) -> None:
        """Leave the last picture on the screen."""
        with self.lock:
            self._shown = None
        self._live.stop()
