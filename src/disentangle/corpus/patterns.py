"""Find files by a pattern. Light to import, as study files are checked with it."""

from glob import glob
from pathlib import Path


def matching_files(pattern: str) -> list[Path]:
    """Files that match a glob pattern, sorted; `**` matches nested folders."""
    matched = sorted(glob(pattern, recursive=True))  # noqa: PTH207 (Path.glob: no absolute pattern)
    return [path for path in map(Path, matched) if path.is_file()]
