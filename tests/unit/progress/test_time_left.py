"""The time left is that of a planted study, and is not told where it cannot be known."""

import json
from pathlib import Path
from typing import Any

import pytest

from disentangle.progress.course import Course, Job
from disentangle.progress.pace import Pace, Timed
from disentangle.progress.time_left import TimeLeft, in_words, seconds_of, span, time_left
from disentangle.progress.training import last_step
from disentangle.study import expand, read_config
from disentangle.study.run import Run, own_flops
from disentangle.study.specs.models import Pretrain


def test_a_line_through_jobs_of_several_sizes_finds_what_was_planted() -> None:
    planted = [Timed(work, 5 + 0.25 * work) for work in (4.0, 16.0, 64.0)]
    assert seconds_of(256, planted) == pytest.approx(5 + 64)
    assert seconds_of(1, planted) == pytest.approx(5.25)


def test_seconds_never_begin_below_zero_nor_fall_with_work() -> None:
    steep = [Timed(10, 1), Timed(20, 10)]
    assert seconds_of(1, steep) == pytest.approx((10 + 200) / 500)
    falling = [Timed(10, 8), Timed(20, 4)]
    assert seconds_of(1000, falling) == 6


def test_of_one_size_a_larger_job_needs_proportionally_more() -> None:
    alike = [Timed(10, 3), Timed(10, 5)]
    assert seconds_of(40, alike) == 16
    assert seconds_of(1, alike) == 4
    assert seconds_of(1, []) is None


@pytest.fixture
def tiny_run(tiny_config: dict[str, Any]) -> Run:
    """16 steps."""
    return expand(read_config(tiny_config))[0]


def course(**due: int) -> Course:
    return Course.of(due, 0)


def test_jobs_side_by_side_are_shared_and_single_ones_wait_for_each_other() -> None:
    study = course(measure_geometry=6, analyze=1)
    for number in range(4):  # two at a time, ten seconds each
        study.begin(number, Job("measure_geometry", str(number), 10 * (number // 2)))
    for number in range(4):
        study.end(number, 10 * (number // 2) + 10)
    pace = Pace(None)
    assert time_left(study, 20, pace) == TimeLeft(10, ("tables",))  # two more, at once
    pace.earlier["analyze"] = [Timed(1, 7)]
    assert time_left(study, 20, pace) == TimeLeft(17, ())
    study.begin(9, Job("measure_geometry", "4", 20))
    study.begin(10, Job("measure_geometry", "5", 20))
    assert time_left(study, 24, pace) == TimeLeft(pytest.approx(6 + 7), ())


def test_a_late_job_has_nothing_left_and_not_less() -> None:
    study = course(analyze=1)
    study.begin(1, Job("analyze", "", 0))
    pace = Pace(None)
    pace.earlier["analyze"] = [Timed(1, 7)]
    assert time_left(study, 60, pace).seconds == 0


def test_training_is_extrapolated_from_its_own_steps(
    tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "specs" / "pretrain" / "a.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps(Pretrain(runs=[tiny_run], keep_states=False).to_json()))
    log = tmp_path / "checkpoints" / tiny_run.name / "steps.jsonl"
    log.parent.mkdir(parents=True)
    steps = tiny_run.steps
    log.write_text("".join(f'{{"step": {step}}}\n' for step in range(1, steps // 4 + 1)))
    pace = Pace(tmp_path)
    study = course(pretrain=1)
    job = Job("pretrain", "a", 0, spec=spec)
    study.begin(1, job)
    assert pace.work("pretrain", "a") == own_flops(tiny_run)
    assert pace.share(job) == 0  # a quarter was there before it began: the run resumes
    with log.open("a") as file:
        file.writelines(f'{{"step": {step}}}\n' for step in range(steps // 4 + 1, steps // 2 + 1))
        file.write('{"st')  # while it is written
    assert pace.share(job) == pytest.approx(1 / 3)
    assert time_left(study, 20, pace) == TimeLeft(pytest.approx(40), ())
    assert pace.runs_trained() == (0, 1)


def test_the_last_step_of_no_log_is_none(tmp_path: Path) -> None:
    assert last_step(tmp_path) == 0


def test_earlier_starts_tell_how_long_jobs_take(tmp_path: Path) -> None:
    for name, status in (("a", 0), ("b", 1)):
        record = tmp_path / "logs" / "quantize" / f"{name}.log.record.json"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({"status": status, "wall_seconds": 12.5}))
    (tmp_path / "logs" / "collect.log.record.json").write_text("torn {")
    assert Pace(tmp_path).earlier == {"quantize": [Timed(1, 12.5)]}


def test_the_estimate_in_words() -> None:
    assert in_words(TimeLeft(250, ())) == "about 4 min left"
    assert in_words(TimeLeft(0, ("tables",))) == "time left not known yet"
    assert in_words(TimeLeft(40, ("tables", "report"))) == (
        "more than 40 s left (tables, report not timed yet)"
    )
    assert [span(s) for s in (89, 90, 5399, 5400, 129_600)] == [
        *("89 s", "2 min", "90 min", "1.5 h", "1.5 d")
    ]
