"""Snakemake itself with our display: on a terminal and without, to its end, to a failure, stopped.

The workflow is a stand-in of a few seconds, with rules of a study's names.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

SNAKEMAKE = Path(sys.executable).with_name("snakemake")

SNAKEFILE = """
from snakemake.logging import logger
logger.info(None, extra={"results": "results/small"})

rule all:
    input: "results/small/report.html"

rule gather_documents:
    output: "text"
    shell: "echo noise of a job >&2; touch {output}"

rule pretrain:
    input: "text"
    output: "trained/{cohort}"
    log: "results/small/logs/pretrain/{cohort}.log"
    script: "train.py"

rule write_report:
    input: "trained/a", "trained/b"
    output: "results/small/report.html"
    shell: "touch {output}"
"""

WORKS = """
import time
from pathlib import Path
time.sleep(1)
Path(snakemake.output[0]).touch()
"""

FAILS = """
import sys, traceback
from pathlib import Path
if snakemake.wildcards.cohort == "b":
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        raise ValueError("the loss is a cat")
    except ValueError:
        log.write_text(traceback.format_exc())
    sys.exit(1)
Path(snakemake.output[0]).touch()
"""

FAILS_ONCE = """
from pathlib import Path
tried = Path(snakemake.output[0] + ".tried")
if snakemake.wildcards.cohort == "b" and not tried.exists():
    tried.parent.mkdir(exist_ok=True)
    tried.touch()
    raise MemoryError("no room for a cat")
Path(snakemake.output[0]).touch()
"""

SLEEPS = """
import time
from pathlib import Path
Path(f"{snakemake.wildcards.cohort}.asleep").touch()
time.sleep(60)
"""


def lay_out(folder: Path, training: str) -> list[str]:
    """A workflow in a folder; returns the command that runs it."""
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "train.py").write_text(training)
    return [str(SNAKEMAKE), "--cores", "2", "--keep-going", "--nolock", "--logger", "disentangle"]


def without_terminal(folder: Path, command: list[str]) -> tuple[int, list[str]]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert not done.stdout
    return done.returncode, done.stderr.splitlines()


def on_terminal(folder: Path, command: list[str], *, stop_at: str = "") -> tuple[int, str]:
    """Exit status and everything that appeared on a terminal of 80 x 24 characters.

    With `stop_at`, a pattern, Ctrl-C is pressed as soon as this is on the screen and both jobs
    that train are asleep: before, one that is just being started would not hear of it.
    """
    child, screen = pty.fork()
    if not child:
        os.chdir(folder)
        os.environ["TERM"] = "xterm"
        # a test that was itself started in the background has it ignored, and hands that on
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(command[0], command)
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shown, begun, pressed = "", time.monotonic(), False
    while time.monotonic() - begun < 120:
        if select.select([screen], [], [], 0.2)[0]:
            try:
                shown += os.read(screen, 65536).decode(errors="replace")
            except OSError:  # the terminal of an ended process
                break
        asleep = len(list(folder.glob("*.asleep"))) == 2
        if stop_at and asleep and not pressed and re.search(stop_at, as_read(shown)):
            os.write(screen, b"\x03")
            pressed = True
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), shown


def as_read(shown: str) -> str:
    """What is on a terminal, without its codes for colours and places."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def shown_by(command: list[str], folder: Path, *, terminal: bool) -> tuple[int, str]:
    """Exit status and text, on a terminal or without."""
    if terminal:
        status, shown = on_terminal(folder, command)
        return status, as_read(shown).replace("\r", "")
    status, lines = without_terminal(folder, command)
    return status, "\n".join(lines)


def test_without_a_terminal_there_is_a_line_for_each_stage(tmp_path: Path) -> None:
    command = lay_out(tmp_path, WORKS)
    status, lines = without_terminal(tmp_path, command)
    assert status == 0
    assert lines[:3] == ["To do: corpus 1, train 2, report 1", "corpus: begun", lines[2]]
    assert [re.sub(r" in \d+ s.*", "", line) for line in lines[2:-1]] == [
        *("corpus: done, 1 of 1", "train: begun", "train: done, 2 of 2"),
        *("report: begun", "report: done, 1 of 1"),
    ]
    page = tmp_path / "results" / "small" / "report.html"
    assert lines[-1] == f"The report: {page.as_uri()}"
    # what jobs say is kept
    assert "noise of a job" in (tmp_path / ".snakemake" / "log" / "screen.log").read_text()
    # and a second start does nothing
    assert without_terminal(tmp_path, command) == (0, ["Nothing to do: all is made.", lines[-1]])


def test_a_terminal_shows_the_stages_and_the_end(tmp_path: Path) -> None:
    status, shown = on_terminal(tmp_path, lay_out(tmp_path, WORKS))
    text = as_read(shown)
    assert status == 0
    assert "noise" not in text and "Select jobs" not in text
    assert re.search(r"small +\d+ s so far", text)
    assert re.search(r"train +\S+ 0 of 2 a, b|train +\S+ 0 of 2 b, a", text)
    last = text[text.rindex("so far, done") :]
    assert [line.split()[0] for line in last.splitlines()[1:4]] == ["corpus", "train", "report"]
    assert "report.html" in last
    assert shown.count("\x1b[?25h") == shown.count("\x1b[?25l") == 1  # the cursor is back
    assert all(len(line) <= 80 for line in last.replace("\r", "").splitlines()[:4])


@pytest.mark.parametrize("terminal", [False, True])
def test_a_failure_is_said_at_once_by_name_with_its_reason_and_log(
    tmp_path: Path, terminal: bool
) -> None:
    command = lay_out(tmp_path, FAILS)
    status, text = shown_by(command, tmp_path, terminal=terminal)
    assert status == 1
    told = (
        "FAILED pretrain b\n  ValueError: the loss is a cat\n"
        "  Log: results/small/logs/pretrain/b.log\n"
    )
    assert text.count(told) == 1
    assert "CalledProcessError" not in text
    *_, last, remedy = text.strip().splitlines()
    assert last == "1 failed, 2 of 4 jobs are done: pretrain b"
    assert remedy == "What is done is kept. Mend the cause, and start the same command again."


@pytest.mark.parametrize("terminal", [False, True])
def test_a_job_that_fails_and_then_ends_well_is_no_failure_at_the_end(
    tmp_path: Path, terminal: bool
) -> None:
    command = [*lay_out(tmp_path, FAILS_ONCE), "--retries", "1"]
    status, text = shown_by(command, tmp_path, terminal=terminal)
    assert status == 0
    assert text.count("FAILED pretrain b\n") == 1
    assert text.index("FAILED pretrain b") < text.index("Trying again: pretrain b")
    assert "1 failed," not in text and "Mend the cause" not in text
    assert "report.html" in text.strip().splitlines()[-1]


def test_ctrl_c_ends_clean_and_says_that_it_resumes(tmp_path: Path) -> None:
    command = lay_out(tmp_path, SLEEPS)
    status, shown = on_terminal(tmp_path, command, stop_at="0 of 2 (a, b|b, a)")
    text = as_read(shown)
    assert status == 1
    assert "FAILED" not in text and "Traceback" not in text
    assert "Stopped. What is done is kept: the same command resumes where it stopped." in text
    assert shown.count("\x1b[?25h") == 1
    (tmp_path / "train.py").write_text(WORKS)
    assert without_terminal(tmp_path, command)[0] == 0


def test_a_fault_before_any_job_is_shown_as_snakemake_says_it(tmp_path: Path) -> None:
    command = lay_out(tmp_path, WORKS)
    (tmp_path / "Snakefile").write_text(
        "from snakemake.exceptions import WorkflowError\nraise WorkflowError('no such study')\n"
    )
    status, lines = without_terminal(tmp_path, command)
    assert status == 1
    assert "no such study" in "\n".join(lines)
    assert "What is done is kept" not in "\n".join(lines)


def test_a_target_that_prints_its_result_has_the_screen(tmp_path: Path) -> None:
    command = lay_out(tmp_path, WORKS)
    with (tmp_path / "Snakefile").open("a") as file:
        file.write("\nrule plan:\n    shell: 'echo it costs nothing >&2'\n")
    status, lines = without_terminal(tmp_path, [*command, "--", "plan"])
    assert (status, lines) == (0, ["it costs nothing"])


def test_a_dry_run_lists_its_jobs(tmp_path: Path) -> None:
    done = subprocess.run(
        [*lay_out(tmp_path, WORKS), "--dry-run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert re.search(r"pretrain +2", done.stdout + done.stderr)
    assert not (tmp_path / ".snakemake" / "log" / "screen.log").exists()
