"""Files that are whole or absent, their hashes, and one run of a workflow at a time."""

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place when the block ends well.

    A reader, or a run after a kill, sees the old file or the new one, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Write plain data as JSON, whole or not at all; the same data gives the same bytes."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(data: Any) -> str:
    """SHA-256 of plain data in one spelling (sorted keys, no spaces)."""
    spelled = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(spelled.encode()).hexdigest()


def run_held(lock_file: Path, command: list[str]) -> None:
    """Become `command` while holding `lock_file`; leave with a message if it is held.

    The lock lives as long as the command's own process: the file stays open across exec, and
    its children do not inherit it. Snakemake's own lock outlives a kill and has to be removed
    by hand; with this one `--nolock` is safe.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another run of this study goes on in this folder (it holds {lock_file})")
    os.set_inheritable(descriptor, True)
    os.execvp(command[0], command)  # noqa: S606 (the command is the Makefile's)


if __name__ == "__main__":
    run_held(Path(sys.argv[1]), sys.argv[2:])
