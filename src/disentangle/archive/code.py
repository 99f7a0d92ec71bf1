"""The workflow's own files, as they were committed."""

import io
import subprocess
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disentangle.errors import StudyError, listed
from disentangle.provenance import PACKAGE
from disentangle.storage import digest

WATCHED = ("src", "workflow")
"""Folders in which a file that git does not know is part of what ran."""


@dataclass(frozen=True)
class Code:
    """The workflow's files, and which state of it they are."""

    commit: str
    changes: list[str]
    """Files that are not as committed; empty where all are."""
    files: dict[str, bytes]
    """Contents by path from the workflow's root."""


def read_code(root: Path, own: Collection[str], *, allow_uncommitted: bool) -> Code:
    """Read the workflow's files: of its commit, or of the working tree where that is allowed.

    Args:
        root: the workflow's folder, in a git repository.
        own: paths that the study itself brings, whose changes are no change of the workflow.
        allow_uncommitted: take the working tree if it is not as committed.

    Raises:
        StudyError: if there is no commit, or there are changes that are not allowed, or the
            package that runs is another one than the folder's.
    """
    if not PACKAGE.is_relative_to(root.resolve()):
        raise StudyError(
            f"The package that computes is {PACKAGE}, which is no part of the workflow in {root}:\n"
            "an archive would hold other code than what ran. Install it from there "
            "(make install), and archive again."
        )
    commit = _git(root, "rev-parse", "HEAD").decode().strip()
    changes = [path for path in _changes(root) if path not in own]
    if not changes:
        return Code(commit, [], _committed(root))
    if not allow_uncommitted:
        raise StudyError(
            f"The workflow is not as committed ({commit[:12]}):\n{listed(changes)}\n"
            "Commit, so that the archive can name the commit. Or say\n"
            "  --config allow_uncommitted=true\n"
            "The archive then holds these files as they are here, and says so."
        )
    return Code(commit, changes, _as_here(root))


def state_of(root: Path) -> str:
    """Tells one state of the workflow's files from another; empty where git knows none."""
    try:
        return digest([_git(root, "rev-parse", "HEAD").decode(), _git(root, "diff", "HEAD").hex()])
    except StudyError:
        return ""


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True)  # noqa: S603, S607 (git, asked of a folder)
    except FileNotFoundError:
        raise StudyError("An archive names the workflow's commit, and git is not here.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise StudyError(
            f"An archive names the workflow's commit, and git finds none in {root}:\n"
            f"  {said[0] if said else 'it gave no reason'}\n"
            "Work in a clone, or make the folder a repository: git init, git add, git commit."
        )
    return done.stdout


def _names(listed: bytes) -> list[str]:
    return [name.decode() for name in listed.split(b"\0") if name]


def _changes(root: Path) -> list[str]:
    """Files that git knows and that differ, and unknown ones where code is read from."""
    differing = _names(_git(root, "diff", "--name-only", "--relative", "-z", "HEAD"))
    unknown = _git(root, "ls-files", "--others", "--exclude-standard", "-z", *WATCHED, "Snakefile")
    return sorted({*differing, *_names(unknown)})


def _committed(root: Path) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", "HEAD"))) as tar:
        return {
            member.name: file.read()
            for member in tar
            if member.isfile() and (file := tar.extractfile(member)) is not None
        }


def _as_here(root: Path) -> dict[str, bytes]:
    known = _names(_git(root, "ls-files", "--cached", "-z"))
    unknown = _names(
        _git(root, "ls-files", "--others", "--exclude-standard", "-z", *WATCHED, "Snakefile")
    )
    paths = {name: root / name for name in (*known, *unknown)}
    return {
        name: path.read_bytes()
        for name, path in sorted(paths.items())
        if path.is_file() and not path.is_symlink()
    }


def scripts_of(workflow: Any) -> dict[str, str]:
    """Every rule's script, from the workflow's folder.

    Args:
        workflow: Snakemake's, whose rules are all read.
    """
    return {
        rule.name: f"workflow/{rule.script.removeprefix('../')}"
        for rule in workflow.rules
        if rule.script
    }
