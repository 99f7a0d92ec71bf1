"""Files that are whole or absent, their hashes and their seals."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from disentangle.errors import StudyError

SEAL = "content_sha256"
"""Key of a sealed JSON file that holds the digest of all its other keys."""

MAKE_AGAIN = "Delete it and run the workflow again: the job that makes it runs again."


class DamagedError(StudyError):
    """A file of ours that is not as it was written."""

    def __init__(self, path: Path, fault: str, remedy: str = MAKE_AGAIN) -> None:
        """
        Args:
            path: the file.
            fault: what is wrong with it, as in "is cut short".
            remedy: what to do.
        """
        super().__init__(f"{path} {fault}.\n{remedy}")
        self.path, self.fault, self.remedy = path, fault, remedy


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
    """Read a JSON file of ours.

    Raises:
        DamagedError: if it is no JSON, being empty or cut short, say.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        fault = "is empty" if not path.stat().st_size else f"is damaged: it is no JSON ({error})"
        raise DamagedError(path, fault) from error


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Write a mapping as JSON together with the digest of its content; see `read_sealed`."""
    read_back = json.loads(json.dumps(content))  # keys that are numbers are text from then on
    write_json(path, content | {SEAL: digest(read_back)})


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a mapping that `write_sealed` wrote, or that somebody wrote by hand without a seal.

    Raises:
        DamagedError: if it is no JSON, no mapping, or not what was sealed.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DamagedError(path, "is damaged: it holds no mapping")
    sealed = content.pop(SEAL, None)
    if sealed is not None and sealed != digest(content):
        raise DamagedError(path, "is damaged: its content is not what was written")
    return content


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(data: Any) -> str:
    """SHA-256 of plain data in one spelling (sorted keys, no spaces)."""
    spelled = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(spelled.encode()).hexdigest()
