"""Files are whole or absent; a folder has one writer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from disentangle.storage import digest, read_json, replacing, write_json


def test_a_failing_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]


def test_nan_is_not_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": float("nan")})


def test_a_digest_goes_by_content_not_by_order() -> None:
    assert digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.5})


def test_the_workflow_lock_is_held_by_the_command_and_not_by_its_children(tmp_path: Path) -> None:
    lock = tmp_path / "running.lock"
    # the command starts a child that outlives it, as a killed Snakemake's jobs do
    command = (
        "import subprocess, time; subprocess.Popen(['sleep', '30']); "
        "print('started', flush=True); time.sleep(30)"
    )
    run = [sys.executable, "-m", "disentangle.storage", str(lock), sys.executable, "-c"]
    first = subprocess.Popen(
        [*run, command], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "started\n"
    refused = subprocess.run([*run, "pass"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "another run" in refused.stderr
    first.kill()
    first.wait()
    assert subprocess.run([*run, "pass"]).returncode == 0
    os.killpg(first.pid, 9)
