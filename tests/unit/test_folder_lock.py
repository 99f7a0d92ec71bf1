"""A folder has one live writer: the living are waited for or refused, the dead taken over."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from threading import Timer

import psutil
import pytest

from disentangle import folder_lock
from disentangle.errors import StudyError
from disentangle.folder_lock import STALE_SECONDS, Holder, held

HOLDER = """
import sys, time
from pathlib import Path
from disentangle.folder_lock import held
with held(Path(sys.argv[1]), print):
    print("holding", flush=True)
    time.sleep(60)
"""


def silent(line: str) -> None:
    raise AssertionError(f"nobody had to wait, but: {line}")


def held_by(folder: Path, age: float = 0, **changes: object) -> Path:
    """A lock as another process would have left it, last touched `age` seconds ago."""
    lock = folder / ".held"
    lock.write_text(json.dumps(asdict(replace(Holder.here(), token="another", **changes))))
    then = lock.stat().st_mtime - age
    os.utime(lock, (then, then))
    return lock


def test_a_process_here_is_waited_for_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    said: list[str] = []

    def kill_when_told(line: str) -> None:
        said.append(line)
        holder.kill()

    with held(tmp_path, kill_when_told):
        assert json.loads((tmp_path / ".held").read_text())["pid"] == os.getpid()
    holder.wait()
    assert str(holder.pid) in said[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("holder", "named"),
    [
        ({"host": "node17", "job": "4242"}, "SLURM job 4242 on node17.*scancel 4242"),
        ({"host": "node17", "pid": 99}, "process 99 on node17.*kill 99"),
        ({"job": "4242"}, "SLURM job 4242"),
    ],
)
def test_a_job_at_work_and_another_machine_are_not_waited_for(
    tmp_path: Path, holder: dict[str, object], named: str
) -> None:
    lock = held_by(tmp_path, age=STALE_SECONDS - 60, **holder)
    before = lock.read_text()
    said: list[str] = []

    def beat_when_met(line: str) -> None:
        said.append(line)
        os.utime(lock)

    with pytest.raises(StudyError, match=f"(?s){named}"), held(tmp_path, beat_when_met):
        raise AssertionError("two writers")
    assert lock.read_text() == before
    assert len(said) == 1


def test_a_holder_that_gives_no_sign_of_life_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "STALE_SECONDS", 2)
    held_by(tmp_path, host="node17", job="4242")
    said: list[str] = []
    with held(tmp_path, said.append):
        assert json.loads((tmp_path / ".held").read_text())["pid"] == os.getpid()
    assert said == [f"{tmp_path} is held by SLURM job 4242; waiting until it ends"]


@pytest.mark.parametrize("mine", ["4242", "4243"])
def test_a_job_that_is_ending_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: str
) -> None:
    """Of the same job, or of one that SLURM has ended, a process may still be saving here."""
    monkeypatch.setenv("SLURM_JOB_ID", mine)
    monkeypatch.setattr(folder_lock, "job_runs", lambda job: job == mine)
    lock = held_by(tmp_path, job="4242")

    def end_later(line: str) -> None:
        os.utime(lock)  # it touches its lock, as one at work does
        Timer(1.5, lock.unlink).start()

    with held(tmp_path, end_later):
        assert json.loads(lock.read_text())["token"] != "another"


@pytest.mark.parametrize(
    ("age", "holder"),
    [
        (STALE_SECONDS + 60, {"host": "node17", "job": "4242"}),
        (0, {"pid": 2**22 + 1}),  # beyond the greatest process number: nobody
        (0, {"began": 12.0}),  # the number is in use again, by a younger process
    ],
)
def test_the_dead_are_taken_over(tmp_path: Path, age: float, holder: dict[str, object]) -> None:
    held_by(tmp_path, age=age, **holder)
    with held(tmp_path, silent):
        assert json.loads((tmp_path / ".held").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_a_requeued_job_follows_its_earlier_self(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4242")
    held_by(tmp_path, host="node17")
    with held(tmp_path, silent):
        pass


def test_a_lock_that_was_never_written_is_taken_over_when_it_is_old(tmp_path: Path) -> None:
    lock = tmp_path / ".held"
    lock.touch()
    os.utime(lock, (1, 1))
    with held(tmp_path, silent):
        pass


def test_a_holder_keeps_its_lock_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_lock, "BEAT_SECONDS", 0.02)
    lock = tmp_path / ".held"
    with held(tmp_path, silent):
        os.utime(lock, (1, 1))
        while lock.stat().st_mtime == 1:
            pass
        assert json.loads(lock.read_text())["host"] == socket.gethostname()


def ends(process: psutil.Process, seconds: float) -> bool:
    """Whether a killed process ends in time; nobody may be there to reap it."""
    deadline = time.monotonic() + seconds
    with suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
    return True


def test_a_process_that_lost_its_folder_ends(tmp_path: Path) -> None:
    program = HOLDER.replace("time.sleep(60)", "time.sleep(30); print('went on')").replace(
        'print("holding", flush=True)',
        "import subprocess; print(subprocess.Popen(['sleep', '30']).pid, flush=True)",
    )
    program = f"from disentangle import folder_lock\nfolder_lock.BEAT_SECONDS = 0.05\n{program}"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    helper = psutil.Process(int(process.stdout.readline()))  # as torchrun is to training
    held_by(tmp_path, host="node17")
    output, error = process.communicate(timeout=20)
    assert ends(helper, seconds=10)
    assert process.returncode == 1
    assert "taken over" in error
    assert "went on" not in output


def test_of_many_that_find_a_stale_lock_one_at_a_time_holds(tmp_path: Path) -> None:
    held_by(tmp_path, pid=2**22 + 1)
    program = """
import sys, time
from pathlib import Path
from disentangle.folder_lock import held
folder = Path(sys.argv[1])
with held(folder, lambda line: None):
    (folder / "inside").touch(exist_ok=False)
    time.sleep(0.2)
    (folder / "inside").unlink()
"""
    processes = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(6)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 6
