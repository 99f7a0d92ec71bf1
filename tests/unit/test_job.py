"""A job's output goes to its log; the screen shows progress and errors for people."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from disentangle.errors import StudyError
from disentangle.job import job
with job("a job", sys.argv[1]) as say:
    print("library noise")
    print("more noise", file=sys.stderr)
    say("half way")
    {ending}
"""


def run(tmp_path: Path, ending: str) -> tuple[subprocess.CompletedProcess[str], str]:
    log = tmp_path / "logs" / "job.log"
    program = PROGRAM.format(ending=ending)
    done = subprocess.run([sys.executable, "-c", program, str(log)], capture_output=True, text=True)
    return done, log.read_text()


def test_noise_goes_to_the_log_and_progress_to_the_screen(tmp_path: Path) -> None:
    done, log = run(tmp_path, "pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "a job: half way\n")
    assert all(line in log for line in ("library noise", "more noise", "half way"))


def test_a_job_leaves_account_of_what_it_took(tmp_path: Path) -> None:
    run(tmp_path, "sum(i * i for i in range(3_000_000))")
    usage = json.loads((tmp_path / "logs" / "job.log.usage.json").read_text())
    assert usage["cpu_seconds"] > 0.1
    assert usage["wall_seconds"] > 0.1
    assert usage["max_rss_mb"] > 5


def test_an_error_for_people_is_shown_whole_without_a_traceback(tmp_path: Path) -> None:
    done, log = run(tmp_path, "raise StudyError('it is broken;\\nmend it so')")
    assert done.returncode == 1
    assert "it is broken;\nmend it so" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in log


def test_any_other_error_is_one_line_and_names_the_log(tmp_path: Path) -> None:
    done, log = run(tmp_path, "1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr and "job.log" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in log
