"""The files of an archive, each with its size and hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from disentangle.storage import sha256_of


@dataclass(frozen=True)
class Member:
    """A file of an archive: copied from a path, or given as bytes."""

    name: str
    source: Path | bytes
    sha256: str
    size: int

    @classmethod
    def of(cls, name: str, source: Path | bytes) -> "Member":
        """Compute a file's size and hash."""
        if isinstance(source, bytes):
            return cls(name, source, hashlib.sha256(source).hexdigest(), len(source))
        return cls(name, source, sha256_of(source), source.stat().st_size)

    def text(self) -> str:
        """Its content as text."""
        data = self.source if isinstance(self.source, bytes) else self.source.read_bytes()
        return data.decode()
