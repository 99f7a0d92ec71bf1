"""Write files atomically, with hashes and seals."""

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
    """One of our files that changed since it was written."""

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
    """Yield a temporary path that replaces `path` when the block ends without an error.

    A reader, or a run after a kill, sees the old file or the new one, never a partial one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Write plain data as JSON, atomically; the same data give the same bytes."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file of ours.

    Raises:
        DamagedError: if it is not JSON, for example empty or truncated.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        fault = "is empty" if not path.stat().st_size else f"is damaged: it is not JSON ({error})"
        raise DamagedError(path, fault) from error


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Write a mapping as JSON together with the digest of its content; see `read_sealed`."""
    read_back = json.loads(json.dumps(content))  # turns numeric keys into text
    write_json(path, content | {SEAL: digest(read_back)})


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a mapping that `write_sealed` wrote, or that somebody wrote by hand without a seal.

    Raises:
        DamagedError: if it is not JSON, not a mapping, or changed since it was sealed.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DamagedError(path, "is damaged: it is not a mapping")
    sealed = content.pop(SEAL, None)
    if sealed is not None and sealed != digest(content):
        raise DamagedError(path, "is damaged: its content is not what was written")
    return content


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(data: Any) -> str:
    """SHA-256 of plain data in canonical JSON (sorted keys, no spaces)."""
    spelled = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(spelled.encode()).hexdigest()
