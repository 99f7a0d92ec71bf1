"""Write a reproducible zip file: its bytes depend only on the files and one date."""

import hashlib
import stat
import zipfile
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO

from disentangle.archive.members import Member
from disentangle.errors import StudyError
from disentangle.storage import replacing

COMPRESSED = {".parquet", ".pdf", ".png", ".gz", ".zip", ".npy", ".safetensors"}
"""Endings of files that hardly compress: they are stored uncompressed."""

LEVEL = 6
PIECE = 1 << 20


def write_zip(path: Path, members: Iterable[Member], date: datetime) -> None:
    """Write a zip file atomically: sorted, with one date, one mode and one compression level.

    Args:
        path: the file.
        members: its contents.
        date: of every entry; zip dates have no time zone and a resolution of two seconds.

    Raises:
        StudyError: if a file changed since it was hashed.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for member in sorted(members, key=lambda one: one.name):
            info = zipfile.ZipInfo(member.name, date.timetuple()[:6])
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.create_system = 3  # always Unix, so that the mode is read
            stored = Path(member.name).suffix in COMPRESSED
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            info._compresslevel = LEVEL  # type: ignore[attr-defined]  # public only in Python 3.13
            info.file_size = member.size  # tells zipfile whether 64-bit sizes are needed
            with closing(_open(member)) as source, archive.open(info, "w") as entry:
                _copy(source, entry, member)


def _open(member: Member) -> IO[bytes]:
    return BytesIO(member.source) if isinstance(member.source, bytes) else member.source.open("rb")


def _copy(source: IO[bytes], entry: IO[bytes], member: Member) -> None:
    hashed = hashlib.sha256()
    while piece := source.read(PIECE):
        hashed.update(piece)
        entry.write(piece)
    if hashed.hexdigest() != member.sha256:
        raise StudyError(
            f"{member.name} changed while the archive was written. Wait until nothing else writes "
            "to the study's folder, and archive again."
        )
