"""What is said of a failed job is its own message."""

import traceback
from pathlib import Path

import pytest

from disentangle.errors import StudyError
from disentangle.job import failed_log
from disentangle.progress.failure import MOST_LINES, last_error, log_of, what_failed


def trace_of(error: Exception) -> str:
    try:
        try:
            raise KeyError("before")
        except KeyError as cause:
            raise error from cause
    except Exception:
        return "a line\n" + traceback.format_exc()


WRONG = "a.yaml is wrong:\n  size: no number\nMend it."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StudyError(WRONG), WRONG),
        (ValueError("no: way"), "ValueError: no: way"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_the_last_message_of_a_log_is_found(error: Exception, said: str) -> None:
    assert last_error(trace_of(ValueError("first")) + trace_of(error)) == said


def test_a_log_without_an_error_says_nothing() -> None:
    assert last_error("all went well\n") == ""


def test_the_log_that_a_retry_keeps_is_read_first(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert what_failed([log], otherwise="exit status 1") == "exit status 1"
    assert what_failed([]) == "It ended without a message."
    assert (log_of([log]), log_of([])) == (log, None)
    log.write_text(trace_of(ValueError("second")))
    assert (what_failed([log]), log_of([log])) == ("ValueError: second", log)
    failed_log(log).write_text(trace_of(ValueError("first")))
    assert (what_failed([log]), log_of([log])) == ("ValueError: first", failed_log(log))


def test_what_a_scheduler_says_of_a_job_is_said_too(tmp_path: Path) -> None:
    own, cluster, cancelled = tmp_path / "a.log", tmp_path / "7.log", "Job 7 is CANCELLED."
    advised = (
        f"{cancelled} Detailed failure reason unavailable (status command is not 'sacct').For "
        "further error details see the cluster/cloud log and the log files of the involved rule(s)."
    )
    assert what_failed([own, cluster], advised, "exit status 1") == cancelled
    cluster.write_text(trace_of(ImportError("no torch")))  # before the job's own log was opened
    assert what_failed([own, cluster], cancelled) == f"ImportError: no torch\n{cancelled}"
    assert log_of([own, cluster]) == cluster
    own.write_text(trace_of(ValueError("no: way")))
    assert what_failed([own, cluster], cancelled) == f"ValueError: no: way\n{cancelled}"
    assert log_of([own, cluster]) == own


def test_a_long_message_is_cut_to_a_screen(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(trace_of(StudyError("\n".join(map(str, range(90))))))
    assert len(what_failed([log]).splitlines()) == MOST_LINES + 1
