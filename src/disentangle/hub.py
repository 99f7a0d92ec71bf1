"""Files from the Hugging Face hub: fetched once by `warm`, then read offline.

This module imports quickly: the hub's library is loaded only when it is needed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from disentangle.errors import StudyError
from disentangle.storage import read_sealed

ON_HUB = "hf:"
"""Prefix, in a study, of names on the hub."""

WARM = "snakemake warm --cores 1 --configfile STUDY.yaml"
"""The command that fetches what a study needs."""

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubItem:
    """Files of one repository at one revision."""

    kind: Literal["dataset", "model"]
    repo: str
    revision: str
    """Branch, tag or commit, as requested."""
    files: tuple[str, ...] = ()
    """Patterns of the files that are needed; all files if empty."""
    gate: str | None = None
    """The conditions to accept before its files can be read, if known."""
    first_of: tuple[str, ...] = ()
    """Alternative patterns: the first one that matches any file is needed too."""

    @property
    def page(self) -> str:
        """Its page on the hub."""
        return f"https://huggingface.co/{'datasets/' if self.kind == 'dataset' else ''}{self.repo}"

    def wants(self, path: str) -> bool:
        """Whether a file of the repository is needed."""
        return not self.files or any(fnmatchcase(path, pattern) for pattern in self.files)

    def alternatives(self) -> list["HubItem"]:
        """The item with each of `first_of` in turn; itself if there is none."""
        return [
            replace(self, files=(*self.files, pattern), first_of=()) for pattern in self.first_of
        ] or [self]


def split_repo(spelled: str) -> tuple[str, str]:
    """Read REPO@REVISION.

    Raises:
        ValueError: if it is not a repository's name, or has no revision.
    """
    repo, _, revision = spelled.partition("@")
    if not _REPO.fullmatch(repo) or ".." in repo:
        raise ValueError(f"{repo!r} is no name of a repository on the hub, such as owner/name")
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise ValueError(
            f"{repo} needs a revision, {repo}@REVISION: a commit, a tag, or main for the newest"
        )
    return repo, revision


def fetch(
    items: Iterable[HubItem], before: list[dict[str, Any]], command: str = WARM
) -> list[dict[str, Any]]:
    """Download items into the hub's cache on this machine.

    Args:
        items: what is needed.
        before: the result of an earlier call. Branches keep the commit found then, so that a study
            does not change midway.
        command: what the user runs, for the messages.

    Returns:
        One record per item: kind, repo, revision (as requested), patterns, commit, files (path to
        size in bytes) and bytes.

    Raises:
        StudyError: if the hub cannot be reached, or an item does not exist or may not be read,
            with what to do.
    """
    commits = {(r["kind"], r["repo"], r["revision"]): r["commit"] for r in before}
    records: list[dict[str, Any]] = []
    for item in items:
        commit = commits.get((item.kind, item.repo, item.revision))
        at_commit = replace(item, revision=commit or item.revision)
        asked = {"kind": item.kind, "repo": item.repo, "revision": item.revision}
        resolved = {"commit": commit, "patterns": [*item.files, *item.first_of]}
        same = (
            r for r in before if {key: r[key] for key in (*asked, *resolved)} == asked | resolved
        )
        again = next(same, None)
        if again and _cached(at_commit) == again["files"]:
            records.append(again)
            continue
        folder, files = _fetch(item, at_commit.revision, command)
        # other files of the same branch are taken from the same commit
        commits[item.kind, item.repo, item.revision] = resolved["commit"] = folder.name
        records.append({**asked, **resolved, "files": files, "bytes": sum(files.values())})
    return records


def _fetch(item: HubItem, revision: str, command: str) -> tuple[Path, dict[str, int]]:
    """The folder of a commit in the cache, and an item's files in it."""
    for alternative in item.alternatives():
        folder = _download(alternative, revision, command)
        revision = folder.name  # the next one is of the same commit
        files = _files_in(folder, alternative)
        if files and _is_whole(item, files):
            return folder, files
    lacking = " or ".join(item.first_of or item.files)
    raise StudyError(
        f"{item.repo} at {item.revision} has no file like {lacking}.\n"
        f"Its files: {item.page}/tree/{item.revision}"
    )


def _is_whole(item: HubItem, files: Iterable[str]) -> bool:
    """Whether one of the alternatives is among the files."""
    wanted = replace(item, files=item.first_of)
    return not item.first_of or any(wanted.wants(path) for path in files)


def _files_in(folder: Path, item: HubItem) -> dict[str, int]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    return {path: size for path, size in sizes.items() if item.wants(path)}


def _download(item: HubItem, revision: str, command: str) -> Path:
    from httpx import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    what = f"{item.kind} {item.repo} at revision {item.revision}"
    login = "log in with `hf auth login`, or set HF_TOKEN to a token of that account"
    try:
        return Path(
            snapshot_download(
                item.repo,
                repo_type=item.kind,
                revision=revision,
                allow_patterns=list(item.files) or None,
            )
        )
    except GatedRepoError as error:
        raise StudyError(
            f"{what} is gated, and this machine's account has no access.\n"
            f"1. Open {item.page} and agree to {item.gate or 'its conditions'}.\n"
            f"2. Here, {login}.\n3. Run `{command}` again."
        ) from error
    except RevisionNotFoundError as error:
        raise StudyError(
            f"{item.repo} has no revision {item.revision}. Its revisions: {item.page}/commits/main"
        ) from error
    except RepositoryNotFoundError as error:
        raise StudyError(
            f"The hub shows this machine no {what}: it does not exist, or it is private.\n"
            f"Look at {item.page}; if it is private, {login}."
        ) from error
    except HFValidationError as error:
        raise StudyError(f"{item.repo} is no name of a repository on the hub: {error}") from error
    except (LocalEntryNotFoundError, HTTPError, OSError) as error:
        pinned = replace(item, revision=revision)
        if _COMMIT.fullmatch(revision) and _cached(pinned):
            return local_folder(pinned)  # of a branch, the library does so itself
        gate = f"\nIt is gated: agree to {item.gate} at {item.page}, and {login}."
        raise StudyError(
            f"Could not fetch {what}: the hub cannot be reached from here "
            f"({type(error).__name__}).\n"
            f"Run `{command}` on a machine with network "
            "access (a login node), with HF_HOME on a disk that all jobs share, and without "
            "HF_HUB_OFFLINE.\nLater jobs need no network." + (gate if item.gate else "")
        ) from error


def _cache_folder(item: HubItem) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            item.repo,
            repo_type=item.kind,
            revision=item.revision,
            allow_patterns=list(item.files) or None,
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        return None
    return Path(folder)


def _cached(item: HubItem) -> dict[str, int]:
    """An item's files in the cache: paths and sizes."""
    for alternative in item.alternatives():
        folder = _cache_folder(alternative)
        files = _files_in(folder, alternative) if folder else {}
        if _is_whole(item, files):
            return files
    return {}


def cached_bytes(item: HubItem) -> int:
    """Bytes of an item's files in the cache of this machine."""
    return sum(_cached(item).values())


def commit_of(item: HubItem, warmed: Path) -> str:
    """The commit that `warm` recorded for an item.

    Raises:
        StudyError: if there is none.
    """
    for record in read_sealed(warmed)["items"]:
        asked = (record["kind"], record["repo"], record["revision"])
        if asked == (item.kind, item.repo, item.revision):
            commit = str(record["commit"])
            if _COMMIT.fullmatch(commit):
                return commit
    raise StudyError(f"{item.repo}@{item.revision} is not in {warmed}. Run `snakemake warm` again.")


def local_files(item: HubItem) -> list[Path]:
    """Paths of an item's files in the cache; needs no network.

    Raises:
        StudyError: if they are missing.
    """
    folder = local_folder(item)
    names = _files_in(folder, item)
    if not names:
        raise _not_warmed(item)
    return [folder / PurePosixPath(name) for name in names]


def local_folder(item: HubItem) -> Path:
    """The cached folder of a repository at a commit, with its fetched files; needs no network.

    Raises:
        StudyError: if it, or any of the item's files in the repository, is missing.
    """
    if (folder := _cache_folder(item)) is None:
        raise _not_warmed(item)
    return folder


def _not_warmed(item: HubItem) -> StudyError:
    return StudyError(
        f"{item.kind} {item.repo} at {item.revision} is not in this machine's hub cache.\n"
        "Run `snakemake warm` on a machine with network access, and set HF_HOME to the same folder "
        "for all jobs."
    )
