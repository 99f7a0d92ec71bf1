"""The display and the plain lines of the recorded study."""

from io import StringIO

import pytest
from rich.console import Console
from test_course import course_until

from disentangle.progress.course import Course, Job
from disentangle.progress.display import picture
from disentangle.progress.lines import Lines
from disentangle.progress.pace import Pace
from disentangle.progress.stages import STAGES


class Halfway(Pace):
    """Every running job has done half."""

    def share(self, job: Job) -> float | None:
        return 0.5


def shown(course: Course, width: int, pace: Pace, now: float = 40) -> list[str]:
    file = StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    console.print(picture(course, now, pace, "tiny"))
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_a_line_for_each_stage_that_fits_the_screen(width: int) -> None:
    head, *lines = shown(course_until(36), width, Pace(None))
    assert head == "tiny   39 s so far, time left not known yet"
    assert [line.split()[0] for line in lines] == list(STAGES)
    assert lines[0].split()[-3:] == ["9", "of", "9"]
    assert lines[1].endswith("0 of 2 4K_part1, 2K_part1")
    assert all(len(line) <= width for line in (head, *lines))


def test_the_share_of_a_running_job_is_shown_and_counts_for_the_time() -> None:
    head, _, train, *_ = shown(course_until(36), 80, Halfway(None))
    assert "4K_part1 50%, 2K_part1 50%" in train
    assert head.startswith("tiny   39 s so far, more than ")


def test_many_jobs_and_long_names_do_not_break_the_lines() -> None:
    course = Course.of({"pretrain": 9}, 0)
    for number in range(5):
        course.begin(number, Job("pretrain", "x" * 50, 0))
    course.fail(4)
    head, line = shown(course, 80, Pace(None))
    assert "1 failed" in line and len(line) <= 80
    assert "3 more" not in head
    assert "2 more" in shown(course, 200, Pace(None))[1]


def test_each_stage_begins_and_ends_once_in_plain_lines() -> None:
    lines = Lines(Pace(None))
    said = [line for s in range(0, 90) for line in lines.changed(course_until(s), s)]
    for stage in STAGES:
        assert sum(line == f"{stage}: begun" for line in said) == 1
        assert sum(line.startswith(f"{stage}: done") for line in said) == 1
    assert len(said) == 2 * len(STAGES)
    assert said[-1].startswith("report: done, 2 of 2 in ")
    assert "left" not in said[-1]
