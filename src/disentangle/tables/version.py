"""The version of the tables, which each of them carries in its metadata.

Semantic: the major number rises if a column is taken out, or changes its name, unit or meaning; the
minor number if a table or a column is added. Tables from before 1.0 carry none. They lack columns
at most, and are read as they are.
"""

from collections.abc import Mapping
from pathlib import Path

from disentangle.errors import StudyError

VERSION = "1.1"

KEY = b"version"
"""Of the metadata of a table's schema."""


def version_of(metadata: Mapping[bytes, bytes] | None) -> str:
    """The version in a schema's metadata; empty for a table from before 1.0."""
    return (metadata or {}).get(KEY, b"").decode("ascii", "replace")


def check_version(metadata: Mapping[bytes, bytes] | None, path: Path) -> None:
    """Refuse a table of another major version.

    Raises:
        StudyError: with what to do.
    """
    found = version_of(metadata)
    if not found or found.partition(".")[0] == VERSION.partition(".")[0]:
        return
    raise StudyError(
        f"{path} has version {found!r} of the tables, and this Disentangle reads {VERSION}. Read "
        "it with the Disentangle that made it (an archive contains that), or run the study again "
        "here: tables are made anew, and nothing that was trained or measured is lost."
    )
