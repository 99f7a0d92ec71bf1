"""The workflow's own files, as committed."""

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
"""Folders whose untracked files count as part of the code that ran."""


@dataclass(frozen=True)
class Code:
    """The workflow's files, and their state in git."""

    commit: str
    changes: list[str]
    """Files that differ from the commit."""
    files: dict[str, bytes]
    """Contents by path, relative to the workflow's root."""


def read_code(root: Path, own: Collection[str], *, allow_uncommitted: bool) -> Code:
    """Read the workflow's files from its commit, or from the working tree if that is allowed.

    Args:
        root: the workflow's folder, in a git repository.
        own: files of the study itself; changes to them do not count as changes of the workflow.
        allow_uncommitted: use the working tree if it differs from the commit.

    Raises:
        StudyError: if there is no commit, if there are changes that are not allowed, or if the
            installed package is not the one in `root`.
    """
    if not PACKAGE.is_relative_to(root.resolve()):
        raise StudyError(
            f"The installed package is {PACKAGE}, which is not part of the workflow in {root}:\n"
            "the archive would not contain the code that ran. Install the package from that folder "
            "(make install), and archive again."
        )
    commit = _git(root, "rev-parse", "HEAD").decode().strip()
    changes = [path for path in _changes(root) if path not in own]
    if not changes:
        return Code(commit, [], _committed(root))
    if not allow_uncommitted:
        raise StudyError(
            f"The workflow differs from its commit ({commit[:12]}):\n{listed(changes)}\n"
            "Commit the changes, so that the archive can name the commit. Or use\n"
            "  --config allow_uncommitted=true\n"
            "The archive then contains these files as they are here, and says so."
        )
    return Code(commit, changes, _as_here(root))


def state_of(root: Path) -> str:
    """A hash that identifies the state of the workflow's files; empty without a git commit."""
    try:
        return digest([_git(root, "rev-parse", "HEAD").decode(), _git(root, "diff", "HEAD").hex()])
    except StudyError:
        return ""


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True)  # noqa: S603, S607 (git, asked of a folder)
    except FileNotFoundError:
        raise StudyError("An archive names the workflow's commit, which needs git.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise StudyError(
            f"An archive names the workflow's commit, but git finds none in {root}:\n"
            f"  {said[0] if said else 'it gave no reason'}\n"
            "Work in a clone, or make the folder a repository: git init, git add, git commit."
        )
    return done.stdout


def _names(listed: bytes) -> list[str]:
    return [name.decode() for name in listed.split(b"\0") if name]


def _changes(root: Path) -> list[str]:
    """Tracked files that differ from the commit, and untracked files in the code folders."""
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
    """Every rule's script, relative to the workflow's folder.

    Args:
        workflow: Snakemake's workflow, with all rules loaded.
    """
    return {
        rule.name: f"workflow/{rule.script.removeprefix('../')}"
        for rule in workflow.rules
        if rule.script
    }
