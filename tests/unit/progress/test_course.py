"""The course of a study follows Snakemake's events, which were recorded from the tiny study."""

import json
import re
from pathlib import Path
from typing import Any

from disentangle.progress.course import Course, Job
from disentangle.progress.stages import STAGE_OF, STAGES

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[3]
SHOWN = ("plan", "verify")
"""Rules that print their result: they are no stage of a study."""

EVENTS: list[dict[str, Any]] = [
    json.loads(line) for line in (HERE / "recorded_events.jsonl").read_text().splitlines()
]


def course_until(seconds: float) -> Course:
    """The course of the recorded study after some seconds."""
    (first,) = (event for event in EVENTS if event["event"] == "run_info")
    course = Course.of(first["stats"], first["created"])
    for event in EVENTS:
        if event["created"] > seconds:
            break
        if event["event"] == "job_info":
            name = "_".join(event["wildcards"].values())
            course.begin(event["jobid"], Job(event["rule_name"], name, event["created"]))
        if event["event"] == "job_finished":
            course.end(event["job_id"], event["created"])
    return course


def test_every_rule_that_makes_something_has_a_stage() -> None:
    files = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]
    text = "\n".join(path.read_text() for path in files)
    rules = re.split(r"^ *rule (\w+):", text, flags=re.M)
    working = {
        name for name, body in zip(rules[1::2], rules[2::2], strict=True) if "    script:" in body
    }
    assert working - set(SHOWN) == STAGE_OF.keys()


def test_the_recorded_study_runs_through_its_stages() -> None:
    at_first = course_until(0.9)
    assert [stage.name for stage in at_first.stages] == list(STAGES)
    assert sum(stage.due for stage in at_first.stages) == 24  # `all` makes nothing
    assert {stage.name for stage in at_first.stages if stage.running} == {"corpus", "tables"}
    while_training = course_until(36)
    corpus, train, perturb, *_ = while_training.stages
    assert corpus.over and (corpus.due, corpus.done) == (9, 9)
    assert [job.name for job in train.running] == ["4K_part1", "2K_part1"]
    assert not perturb.running and perturb.done == 0
    at_last = course_until(1000)
    assert at_last.complete
    assert all(stage.over and not stage.running for stage in at_last.stages)


def test_what_has_begun_is_not_to_begin() -> None:
    course = Course.of({"pretrain": 3, "total": 3}, 0)
    course.begin(7, Job("pretrain", "a", 0))
    course.begin(8, Job("pretrain", "b", 0))
    course.end(7, 4)
    assert (course.to_begin("pretrain"), course.names_begun("pretrain")) == (1, {"a", "b"})


def test_a_job_that_failed_may_be_tried_again() -> None:
    course = Course.of({"pretrain": 1, "all": 1}, 0)
    course.begin(7, Job("pretrain", "a", 0))
    failed = course.fail(7)
    assert failed is not None and failed.title == "pretrain a"
    (stage,) = course.stages
    assert (stage.failed, stage.over) == (1, False)
    course.begin(7, Job("pretrain", "a", 5))
    course.end(7, 6)
    (stage,) = course.stages
    assert (stage.failed, stage.over, course.complete) == (0, True, True)


def test_a_stopped_job_has_to_begin_again() -> None:
    course = Course.of({"pretrain": 1}, 0)
    course.begin(7, Job("pretrain", "a", 0))
    course.stop(7)
    assert (course.to_begin("pretrain"), course.complete, course.failed) == (1, False, {})
