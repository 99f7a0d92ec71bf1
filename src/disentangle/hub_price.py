"""What a download from the hub costs, told before it begins."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from disentangle.errors import StudyError
from disentangle.hub import HubItem, cached_bytes

GB = 10**9

SPARED = 2 * GB
"""Bytes that a download leaves free on the disk."""


@dataclass(frozen=True)
class Price:
    """The size of a download."""

    revisions: int
    bytes: int
    """Of all files that are needed."""
    left: int
    """Of these, bytes that are not in the cache of this machine yet."""
    free: int
    """Free bytes on the disk of the cache."""

    def __str__(self) -> str:
        if not self.left:
            return f"all {self.bytes / GB:.2f} GB are in this machine's cache"
        return (
            f"fetching {self.left / GB:.2f} GB, of {self.bytes / GB:.2f} GB in {self.revisions} "
            f"revisions; {self.free / GB:.0f} GB are free"
        )


def price(items: Iterable[HubItem], before: list[dict[str, Any]]) -> Price | None:
    """Ask the hub for the sizes of all files that are needed, without fetching any.

    Args:
        items: what is needed; see `hub.fetch`.
        before: the result of an earlier `fetch`.

    Returns:
        None if the hub does not answer for one of them: `fetch` then says why.

    Raises:
        StudyError: if the disk has no room for what is left.
    """
    commits = {(r["kind"], r["repo"], r["revision"]): r["commit"] for r in before}
    revisions = total = left = 0
    for item in items:
        commit = commits.get((item.kind, item.repo, item.revision), item.revision)
        sizes = _sizes(replace(item, revision=commit))
        if sizes is None:
            return None
        revisions += 1
        total += sum(sizes.values())
        here = cached_bytes(replace(item, revision=commit))
        left += max(sum(sizes.values()) - here, 0)
    free = _free()
    if left + SPARED > free:
        raise StudyError(
            f"The download needs {left / GB:.2f} GB, and the disk of the hub's cache has "
            f"{free / GB:.2f} GB free. Free some, or set HF_HOME to a folder on another disk that "
            "all jobs share."
        )
    return Price(revisions, total, left, free)


def _sizes(item: HubItem) -> dict[str, int] | None:
    """Bytes of each file that is needed, by path; None if the hub does not tell."""
    from httpx import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.hf_api import RepoFile

    try:
        listed = HfApi().list_repo_tree(
            item.repo, repo_type=item.kind, revision=item.revision, recursive=True
        )
        files = {entry.path: entry.size for entry in listed if isinstance(entry, RepoFile)}
    except (HfHubHTTPError, HFValidationError, HTTPError, OSError):
        return None
    wanted: dict[str, int] = {}
    for alternative in item.alternatives():
        wanted = {path: size for path, size in files.items() if alternative.wants(path)}
        further = replace(item, files=alternative.files[len(item.files) :])
        if not item.first_of or any(further.wants(path) for path in wanted):
            break
    return wanted


def _free() -> int:
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
