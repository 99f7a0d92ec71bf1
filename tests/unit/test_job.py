"""A job's output goes to its log; the screen shows progress and errors for people."""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import os
import sys
from types import SimpleNamespace
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards
from disentangle.errors import StudyError
from disentangle.job import job
snakemake = SimpleNamespace(
    rule="measure",
    input=InputFiles(["results/a.json", os.path.abspath("results/b.json"), "/elsewhere/c.json"]),
    output=OutputFiles(["results/d.json"]),
    params=Params(fromdict={{"code": "abc", "settings": {{"bits": [3]}}}}),
    wildcards=Wildcards(fromdict={{"cohort": "2K"}}),
    threads=2,
    log=Log([sys.argv[1]]),
)
with job("a job", snakemake) as say:
    print("library noise")
    print("more noise", file=sys.stderr)
    say("half way")
    {ending}
"""


def run(tmp_path: Path, ending: str, *folders: str) -> tuple[subprocess.CompletedProcess[str], str]:
    for folder in folders:
        (tmp_path / folder).mkdir(exist_ok=True)
    log = tmp_path / "logs" / "job.log"
    program = PROGRAM.format(ending=ending)
    done = subprocess.run(
        [sys.executable, "-c", program, str(log)], capture_output=True, text=True, cwd=tmp_path
    )
    return done, log.read_text()


def test_noise_goes_to_the_log_and_progress_to_the_screen(tmp_path: Path) -> None:
    done, log = run(tmp_path, "pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "a job: half way\n")
    assert all(line in log for line in ("library noise", "more noise", "half way"))


def record(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "logs" / "job.log.record.json").read_text())


def test_a_job_leaves_account_of_what_it_took(tmp_path: Path) -> None:
    run(tmp_path, "sum(i * i for i in range(3_000_000)); import time; time.sleep(0.2)")
    usage = record(tmp_path)
    assert usage["cpu_seconds"] > 0.02, "a quick machine takes a tenth of a second"
    assert usage["wall_seconds"] > 0.2
    assert usage["max_rss_mb"] > 5


def test_a_job_leaves_a_record_of_what_it_did_and_not_of_who_and_where(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    run(tmp_path, "pass")
    found = record(tmp_path)
    assert (found["rule"], found["wildcards"], found["threads"]) == ("measure", {"cohort": "2K"}, 2)
    assert found["inputs"] == ["results/a.json", "results/b.json", "/elsewhere/c.json"]
    assert found["outputs"] == ["results/d.json"]
    assert found["params"] == {"code": "abc", "settings": {"bits": [3]}}
    assert (found["code"], found["status"]) == ("abc", 0)
    began, ended = (datetime.fromisoformat(found[when]) for when in ("began", "ended"))
    assert before - timedelta(seconds=1) < began <= ended < datetime.now(UTC)
    assert found["machine"]["python"] == platform.python_version()
    shown = json.dumps(found)
    for private in (str(tmp_path), str(Path.home()) + "/", platform.node()):
        assert private not in shown


def test_a_job_leaves_the_hashes_of_what_it_made(tmp_path: Path) -> None:
    run(tmp_path, "open('results/d.json', 'w').write('made')", "results")
    made = {"results/d.json": hashlib.sha256(b"made").hexdigest()}
    assert record(tmp_path)["sha256"] == made
    run(tmp_path, "1 / 0")
    assert record(tmp_path)["sha256"] == {}, "Snakemake deletes what a failed job made"


def test_the_logs_of_all_starts_that_failed_are_kept(tmp_path: Path) -> None:
    done, first = run(tmp_path, "1 / 0")
    kept = tmp_path / "logs" / "job.log.failed"
    assert str(kept) in done.stderr
    assert "ZeroDivisionError" in first
    _, second = run(
        tmp_path, "[][0]"
    )  # Snakemake has deleted the log before; this start has its own
    assert "IndexError" in second
    run(tmp_path, "pass")
    parts = re.split(r"^=== failed at \S+\n", kept.read_text(), flags=re.MULTILINE)
    assert parts == ["", first, second]


def test_a_job_does_not_work_on_a_damaged_input(tmp_path: Path) -> None:
    run(tmp_path, "pass", "results")
    made = tmp_path / "results" / "a.json"
    made.write_text("changed")
    earlier = tmp_path / "logs" / "earlier.log.record.json"
    as_left = {"results/a.json": hashlib.sha256(b"as it was left").hexdigest()}
    earlier.write_text(json.dumps(record(tmp_path) | {"sha256": as_left}))
    for path in (made, earlier):
        os.utime(path, (0, 0))  # long ago, so that no other machine may still be writing
    done, log = run(tmp_path, "pass")
    assert done.returncode == 1
    assert "results/a.json is damaged or was changed by hand since earlier made it" in done.stderr
    assert "half way" not in log


@pytest.mark.parametrize(
    ("ending", "meaning"),
    [
        ("open('/dev/full', 'w').write('x' * 10**5)", "The disk is full"),
        ("raise RuntimeError('a library: No space left on device')", "The disk is full"),
        ("raise OSError(errno.EROFS, os.strerror(errno.EROFS))", "The disk cannot be written to"),
        ("os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('logged')", "The disk is full"),
    ],
)
def test_a_disk_that_takes_no_more_is_said_in_a_line(
    tmp_path: Path, ending: str, meaning: str
) -> None:
    done, _ = run(tmp_path, f"import errno, os; {ending}")
    assert done.returncode == 1
    assert f"a job stopped:\n{meaning}: " in done.stderr
    assert "start the same command again: what is done is kept" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_that_fails_says_so_in_its_record(tmp_path: Path) -> None:
    run(tmp_path, "1 / 0")
    assert record(tmp_path)["status"] == 1


def test_a_job_that_is_killed_has_no_record_of_an_earlier_start(tmp_path: Path) -> None:
    run(tmp_path, "pass")
    run(tmp_path, "os.kill(os.getpid(), 9)")
    assert not (tmp_path / "logs" / "job.log.record.json").exists()


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
