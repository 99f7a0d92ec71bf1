"""Remove names of machines, users and private folders from logs."""

import getpass
import json
import re
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from disentangle.errors import StudyError, listed
from disentangle.provenance import PACKAGE

STARTS = "starts.jsonl"
"""File in a run's folder with a line for each start of training."""


def private_folders() -> dict[str, str]:
    """Folders of this machine to their placeholders, longest first; no archive names them."""
    here, home = Path.cwd(), Path.home()
    folders = {here: ".", PACKAGE.parents[1]: ".", Path(sys.prefix): "<environment>", home: "~"}
    if (
        sys.prefix == sys.base_prefix
    ):  # no virtual environment: this folder is the same on any machine
        folders.pop(Path(sys.prefix), None)
    folders |= {folder.resolve(): name for folder, name in folders.items()}
    known = {str(folder): name for folder, name in folders.items() if len(folder.parts) > 1}
    return dict(sorted(known.items(), key=lambda item: -len(item[0])))


def private_names(hosts: Iterable[str]) -> dict[str, str]:
    """Names of machines and of their user to their placeholders.

    Args:
        hosts: machines that took part, other than this one.
    """
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = ""
    names = dict.fromkeys((*hosts, socket.gethostname()), "host") | {user: "user"}
    return {name: names[name] for name in sorted(names, key=len, reverse=True) if name}


def hosts_of(folder: Path) -> set[str]:
    """Machines that a study was trained on, from the list of starts of each run."""
    starts = (line for path in folder.rglob(STARTS) for line in path.read_text().splitlines())
    return {host for line in starts if (host := json.loads(line).get("host"))}


def cleaned(text: bytes, hosts: Iterable[str] = ()) -> bytes:
    """A log with private folders and names replaced; for `hosts` see `private_names`."""
    for folder, instead in private_folders().items():
        text = re.sub(rb"%b(?![\w.-])" % re.escape(folder.encode()), instead.encode(), text)
    for name, instead in private_names(hosts).items():
        text = re.sub(rb"(?<![\w-])%b(?![\w-])" % re.escape(name.encode()), instead.encode(), text)
    return text


def names_a_folder(path: Path, folders: Iterable[str]) -> str | None:
    """A folder that a file names, or None. The file is read in pieces, since it may be large."""
    patterns = [re.compile(rb"%b(?![\w.-])" % re.escape(folder.encode())) for folder in folders]
    overlap = b""
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            for pattern in patterns:
                if found := pattern.search(overlap + piece):
                    return found.group().decode()
            overlap = piece[-4096:]
    return None


def refuse_named_folders(paths: Iterable[tuple[str, Path]]) -> None:
    """Refuse results that name a folder of this machine.

    Args:
        paths: files that go into the archive unchanged: the name in it, and the path here.

    Raises:
        StudyError: with the files and the folders that they name.
    """
    folders = list(private_folders())
    found = [
        f"{name}: {folder}" for name, path in paths if (folder := names_a_folder(path, folders))
    ]
    if found:
        raise StudyError(
            "These results name folders of this machine, which must not go into an archive:\n"
            + listed(found)
            + "\nMake the study's paths relative to the workflow's folder, and run it again."
        )
