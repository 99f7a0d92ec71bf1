"""From Snakemake's events to the display. This is the plugin that `--logger disentangle` loads."""

import atexit
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.text import Text
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from disentangle.progress.capture import Capture
from disentangle.progress.course import Course, Job
from disentangle.progress.display import Display
from disentangle.progress.ending import findings
from disentangle.progress.failure import log_of, what_failed
from disentangle.progress.just_begun import stop_just_begun
from disentangle.progress.lines import Lines
from disentangle.progress.pace import Pace
from disentangle.progress.stages import STAGE_OF

RESULTS = "results"
"""The field of the record with which the workflow tells the folder of its results."""

SCREEN_LOG = Path(".snakemake/log/screen.log")
"""What jobs write on the screen meanwhile."""

OF_A_SCRIPT = "RuleException"
"""The exception of a script that failed; an event for its job follows."""


class LogHandler(LogHandlerBase):
    """Shows the course of a study.

    Targets that print their result, such as `plan`, keep the screen; a dry run is shown as
    Snakemake shows it. Warnings and errors are always shown.
    """

    def __post_init__(self) -> None:
        """Called by Snakemake before the workflow is read."""
        self._results: Path | None = None
        self._course: Course | None = None
        self._display: Display | None = None
        self._capture: Capture | None = None
        self._last_error = ""
        self._failures: list[str] = []
        self._closed = False
        self._interrupted = False
        self._result_is_printed = False
        self._console = _console(self.common_settings.stdout)
        self._lines = Lines(Pace(None))
        atexit.register(self.close)
        _before(signal.SIGINT, self._interrupt)

    @property
    def writes_to_stream(self) -> bool:
        """It does."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """It does not."""
        return False

    @property
    def has_filter(self) -> bool:
        """What is shown is decided in `emit`, whatever `--quiet` says."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Snakemake's own words are formatted by Snakemake."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """It does not."""
        return False

    def _interrupt(self) -> None:
        self._interrupted = True
        stop_just_begun()

    def emit(self, record: logging.LogRecord) -> None:
        """Take an event; all come from one thread."""
        try:
            self._take(record, record.__dict__)
        except Exception:  # a display must not end a study
            self.handleError(record)

    def _take(self, record: logging.LogRecord, fields: Mapping[str, Any]) -> None:
        event = fields.get("event")
        if RESULTS in fields:
            self._results = Path(fields[RESULTS]).absolute()
        elif self.common_settings.dryrun:
            self._as_snakemake(record)
        elif event == LogEvent.RUN_INFO:
            self._begin(fields["stats"], record)
        elif event == LogEvent.ERROR and self._course is not None:
            self._error(record.getMessage(), fields["exception"])
        elif self._course is None:
            if record.levelno >= logging.WARNING:
                self._failures += [record.getMessage()] * (record.levelno >= logging.ERROR)
                self._as_snakemake(record)
        elif event == LogEvent.JOB_INFO:
            self._began(fields["jobid"], _job(fields, record.created))
        elif event == LogEvent.JOB_FINISHED:
            self._change(lambda course: course.end(fields["job_id"], record.created))
        elif event == LogEvent.JOB_ERROR:
            self._failed(fields)
        elif event == LogEvent.GROUP_ERROR:
            for each in fields["job_error_info"]:
                self._failed(each)
        elif record.levelno >= logging.WARNING and event is None and not self._failures:
            self._say(Text(record.getMessage(), style="yellow"))

    def _as_snakemake(self, record: logging.LogRecord) -> None:
        if text := self.format(record):
            self._console.print(Text(text))

    def _begin(self, counts: Mapping[str, int], record: logging.LogRecord) -> None:
        if not STAGE_OF.keys() & counts.keys():
            self._result_is_printed = True
            return
        self._course = Course.of(counts, record.created)
        pace = Pace(self._results)
        self._capture = Capture(SCREEN_LOG)
        if self._console.is_terminal:
            title = self._results.name if self._results else "study"
            self._display = Display(self._console, self._course, pace, title)
        else:
            self._lines = Lines(pace)
            self._say(Text(self._lines.begin(self._course)))

    def _change(self, change: Any) -> None:
        course = self._course
        if course is None:
            return
        if self._display is not None:
            self._display.change(lambda: change(course))
            return
        change(course)
        for line in self._lines.changed(course, time.time()):
            self._say(Text(line))

    def _say(self, text: Text) -> None:
        self._console.print(text)

    def _error(self, message: str, exception: str) -> None:
        """An exception: of a script, kept for the event of its job; after failures, a summary."""
        if self._interrupted:
            return
        if exception == OF_A_SCRIPT:
            self._last_error = message
        elif not self._failures:
            self._fail(message.partition("\n")[0], message, None)

    def _began(self, number: int, job: Job) -> None:
        if job.title in self._failures:
            self._failures = [title for title in self._failures if title != job.title]
            self._say(Text(f"Trying again: {job.title}"))
        self._change(lambda course: course.begin(number, job))

    def _failed(self, fields: Mapping[str, Any]) -> None:
        if self._interrupted:  # by whoever stopped the study
            self._change(lambda course: course.stop(fields["jobid"]))
            return
        found: list[Job | None] = []
        self._change(lambda course: found.append(course.fail(fields["jobid"])))
        logs = [Path(path) for path in fields["log"]]
        said = what_failed(logs, fields["rule_msg"] or "", self._last_error)
        self._last_error = ""
        title = found[0].title if found and found[0] else fields["rule_name"]
        self._fail(title, said, log_of(logs))

    def _fail(self, title: str, said: str, log: Path | None) -> None:
        where = f"\n  Log: {log}" if log else ""
        self._failures.append(title)
        text = Text.assemble(("FAILED ", "bold red"), (title, "bold"))
        self._say(text.append("\n  " + said.replace("\n", "\n  ") + where))

    def close(self) -> None:
        """Say how it ended, and give the screen back. Snakemake calls it after the last event."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._display is not None:
                self._display.end()
            for line in self._ending():
                self._say(Text(line))
        finally:
            if self._capture is not None:
                self._capture.end()
            atexit.unregister(self.close)
            super().close()

    def _ending(self) -> list[str]:
        course = self._course
        if self.common_settings.dryrun or self._result_is_printed:
            return []
        if course is None and self._failures:
            return []
        if course is None:
            found = findings(self._results) if self._results else []
            return ["Nothing to do: all is made.", *found] if found else []
        if self._failures:
            done, due = course.done, sum(course.due.values())
            return [
                f"{len(set(self._failures))} failed, {done} of {due} jobs are done: "
                + ", ".join(dict.fromkeys(self._failures)),
                "What is done is kept. Mend the cause, and start the same command again.",
            ]
        if not course.complete:
            return ["Stopped. What is done is kept: the same command resumes where it stopped."]
        return findings(self._results) if self._results else []


def _before(number: signal.Signals, action: Callable[[], None]) -> None:
    """Do something when a signal comes, before what is done now."""
    now = signal.getsignal(number)
    if threading.current_thread() is threading.main_thread() and callable(now):

        def both(received: int, frame: FrameType | None) -> None:
            action()
            now(received, frame)

        signal.signal(number, both)


def _job(fields: Mapping[str, Any], began: float) -> Job:
    wildcards = fields["wildcards"] or {}
    spec = f"/specs/{fields['rule_name']}/"
    specs = [Path(path) for path in fields["input"] if spec in path]
    return Job(
        fields["rule_name"],
        "_".join(map(str, wildcards.values())),
        began,
        log=Path(fields["log"][0]) if fields["log"] else None,
        spec=specs[0].absolute() if specs else None,
    )


def _console(stdout: bool) -> Console:
    """A console on the screen as it is now: what is sent to a file later leaves it alone."""
    stream = sys.stdout if stdout else sys.stderr
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    kept = os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")
    return Console(
        file=kept,
        force_terminal=terminal,
        soft_wrap=not terminal,
        highlight=False,
        no_color=None if terminal else True,
    )
