"""A study is run by one start at a time, and by none if its file is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_study import lay_out

RUN = [sys.executable, "-m", "disentangle.running"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = lay_out(tmp_path / "work")
    (folder / "other.yaml").write_text("study: other\n")
    return folder


def asked(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """Whether a start of a study would go on."""
    command = [*RUN, *files, "--", sys.executable, "-c", "print('began')"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_lock_is_held_by_the_command_and_not_by_its_children(folder: Path) -> None:
    # the command starts a child that outlives it, as a killed Snakemake's jobs do
    command = (
        "import subprocess, time; subprocess.Popen(['sleep', '30']); "
        "print('started', flush=True); time.sleep(30)"
    )
    first = subprocess.Popen(
        [*RUN, "tiny.yaml", "--", sys.executable, "-c", command],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "started\n"
    refused = asked(folder, "tiny.yaml")
    assert refused.returncode == 1
    assert "The study tiny is already running in this folder" in refused.stderr
    for another in ("other.yaml", ""):
        assert asked(folder, *filter(None, [another])).stdout == "began\n"
    first.kill()
    first.wait()
    assert asked(folder, "tiny.yaml").stdout == "began\n"
    os.killpg(first.pid, 9)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no study file wrong.yaml"),
        (b"\xff\xfe\x00binary", "wrong.yaml is no study file: it is no text in UTF-8"),
        (b"study: a\nstudy: b\n", "the key 'study' is there twice"),
        (b"study: wrong\ncolour: blue\n", "colour: unknown key"),
    ],
)
def test_a_wrong_file_is_told_in_one_screen_and_starts_nothing(
    folder: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (folder / "wrong.yaml").write_bytes(content)
    done = asked(folder, "wrong.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) < 20
