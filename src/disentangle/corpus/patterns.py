"""Files by a pattern. Light to import: study files are checked by it."""

from glob import glob
from pathlib import Path


def matching_files(pattern: str) -> list[Path]:
    """Files that a glob pattern matches, `**` for folders within folders, sorted."""
    # Path.glob takes no absolute patterns
    matched = sorted(glob(pattern, recursive=True))  # noqa: PTH207
    return [path for path in map(Path, matched) if path.is_file()]
