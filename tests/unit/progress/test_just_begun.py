"""Who hears Ctrl-C a second time: jobs that were just being started, and no others."""

import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial

import pytest

from disentangle.progress import just_begun

SLEEP = ("sleep", "30")


def start(*command: str) -> subprocess.Popen[bytes]:
    # a test that was itself started in the background has SIGINT ignored, and hands that on
    return subprocess.Popen(
        command, preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    )


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_only_what_began_just_before_is_interrupted(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(just_begun, "WINDOW", 0.4)
    started.append(start(*SLEEP))
    time.sleep(0.7)
    started.append(start("sh", "-c", "sleep 30; true"))  # as Snakemake starts a job
    time.sleep(0.1)
    timer = just_begun.stop_just_begun()
    time.sleep(0.1)
    started.append(start(*SLEEP))
    timer.join()
    long_before, just_before, after = started
    assert just_before.wait(5) in (-signal.SIGINT, 128 + signal.SIGINT)
    assert long_before.poll() is None and after.poll() is None
