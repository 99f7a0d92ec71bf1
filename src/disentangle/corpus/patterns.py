"""Find files by a pattern. Light to import, as study files are checked with it."""

from glob import glob
from pathlib import Path


def matching_files(pattern: str) -> list[Path]:
    """Files that match a glob pattern, sorted; `**` matches nested folders."""
    # Path.glob takes no absolute patterns
    matched = sorted(glob(pattern, recursive=True))  # noqa: PTH207
    return [path for path in map(Path, matched) if path.is_file()]
