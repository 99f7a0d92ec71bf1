"""Logs without the names of a machine and of who works on it."""

import getpass
import re
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from disentangle.errors import StudyError
from disentangle.provenance import PACKAGE


def private_folders() -> dict[str, str]:
    """Folders of this machine that no archive names, longest first, and what stands for each."""
    here, home = Path.cwd(), Path.home()
    folders = {here: ".", PACKAGE.parents[1]: ".", Path(sys.prefix): "<environment>", home: "~"}
    folders |= {folder.resolve(): name for folder, name in folders.items()}
    known = {str(folder): name for folder, name in folders.items() if len(folder.parts) > 1}
    return dict(sorted(known.items(), key=lambda item: -len(item[0])))


def private_names() -> dict[str, str]:
    """Names of this machine and of who works on it, and what stands for each."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = ""
    host = socket.gethostname()
    return {name: word for name, word in ((host, "host"), (user, "user")) if name}


def cleaned(text: bytes) -> bytes:
    """A log with its machine's folders and names taken out."""
    for folder, instead in private_folders().items():
        text = re.sub(rb"%b(?![\w.-])" % re.escape(folder.encode()), instead.encode(), text)
    for name, instead in private_names().items():
        text = re.sub(rb"(?<![\w-])%b(?![\w-])" % re.escape(name.encode()), instead.encode(), text)
    return text


def names_a_folder(path: Path, folders: Iterable[str]) -> str | None:
    """A folder that a file names, or None. Files may be large: it is read in pieces."""
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
        paths: files that go into the archive as they are, by their names in it.

    Raises:
        StudyError: naming them.
    """
    folders = list(private_folders())
    found = [
        f"  {name}: {folder}" for name, path in paths if (folder := names_a_folder(path, folders))
    ]
    if found:
        more = f"\n  and {len(found) - 10} more" if len(found) > 10 else ""
        raise StudyError(
            "These results name folders of this machine, which an archive must not:\n"
            + "\n".join(found[:10])
            + more
            + "\nMake the study's paths relative to where the workflow runs, and run it again."
        )
