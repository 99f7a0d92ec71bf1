"""Deposit a study's archive at Zenodo.

    python -m disentangle.archive.publish ARCHIVE [--upload | --publish] [--sandbox]

Without --upload or --publish it shows what it would send, and sends nothing. A file beside the
archive records a started deposit, so that the same command continues it.
"""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from disentangle.archive.description import add_doi, deposit_metadata
from disentangle.archive.zenodo import Deposit, Zenodo, md5_of
from disentangle.errors import StudyError
from disentangle.job import Say
from disentangle.storage import read_json, write_json

CITATION = Path("CITATION.cff")
ZENODO, SANDBOX = "https://zenodo.org", "https://sandbox.zenodo.org"
TOKENS = {ZENODO: "ZENODO_TOKEN", SANDBOX: "ZENODO_SANDBOX_TOKEN"}
"""The environment variable that holds each site's token; it is read from nowhere else."""


def note_of(archive: Path, address: str) -> Path:
    """The file that records which deposit was started for an archive."""
    return archive.with_name(f"{archive.name}.{address.partition('://')[2]}.json")


def deposit(
    archive: Path, metadata: dict[str, Any], zenodo: Zenodo, note: Path, say: Say, *, publish: bool
) -> Deposit:
    """Upload an archive to a deposit, continuing where an earlier call stopped.

    Args:
        archive: the file.
        metadata: its metadata for Zenodo.
        zenodo: the account.
        note: file that records the deposit as soon as it is started.
        say: prints a message.
        publish: also make it public, which cannot be undone.

    Raises:
        StudyError: if it failed, with the state of the deposit and what to do.
    """
    md5 = md5_of(archive)
    found = _begun(archive, md5, zenodo, note)
    if found is None:
        found = zenodo.create(metadata)
        write_json(note, {"deposit": found.id, "doi": found.doi, "md5": md5, "page": found.page})
        say(f"started draft {found.id}, reserved DOI {found.doi}: {found.page}")
    if found.published:
        say(f"already published as {found.doi}")
        return found
    if found.files.get(archive.name) == md5:
        say("the archive is already uploaded")
    else:
        arrived = zenodo.upload(found, archive, say)
        if arrived != md5:
            raise StudyError(
                f"The upload is damaged: its MD5 is {arrived}, not {md5}.\n"
                "Nothing is published. Run the same command again to replace the file."
            )
    found = zenodo.describe(found.id, metadata)
    if found.files != {archive.name: md5}:
        there = ", ".join(found.files) or "nothing"
        raise StudyError(
            f"The draft should contain only {archive.name}, with MD5 {md5}. It contains {there}.\n"
            f"Nothing is published. Correct it at {found.page}, or delete that draft and {note}."
        )
    if publish:
        found = zenodo.publish(found.id)
        say(f"published as {found.doi}: {found.page}")
    else:
        say(f"uploaded, not published; --publish makes it {found.doi}: {found.page}")
    return found


def _begun(archive: Path, md5: str, zenodo: Zenodo, note: Path) -> Deposit | None:
    """The deposit that was started for this file, if there is one."""
    if not note.is_file():
        return None
    noted = read_json(note)
    found = zenodo.read(noted["deposit"])
    if found is None:
        raise StudyError(
            f"Draft {noted['deposit']}, which {note} names, no longer exists.\n"
            f"Delete {note} to start another."
        )
    if noted["md5"] != md5:
        state = "is published and stays" if found.published else "can be deleted there"
        raise StudyError(
            f"{archive} has changed since deposit {found.id} was started. That deposit "
            f"{state}: {found.page}\nDelete {note} to start a deposit for this file."
        )
    return found


def preview(archive: Path, metadata: dict[str, Any], address: str, known: Mapping[str, str]) -> str:
    """A description of what would be sent."""
    token = TOKENS[address]
    return (
        f"This would be sent to {address}, first as a draft:\n"
        f"{json.dumps(metadata, indent=2, ensure_ascii=False)}\n"
        f"with {archive.name}, {archive.stat().st_size:,} bytes, MD5 {md5_of(archive)}\n"
        f"{token} is {'set' if known.get(token) else 'not set'}. Nothing was sent: --upload makes "
        "the draft, --publish also makes it public."
    )


def _token(address: str) -> str:
    name = TOKENS[address]
    token = os.environ.get(name, "").strip()
    if token and token.isascii() and token.isprintable():
        return token
    raise StudyError(
        f"{name} is {'not a token' if token else 'not set'}. Make a token with the scopes "
        f"deposit:write and deposit:actions at {address}/account/settings/applications.\n"
        f"Set the variable without leaving it in the shell's history: "
        f"read -rs {name}; export {name}"
    )


def run(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        StudyError: with what is wrong and what to do.
    """
    parser = ArgumentParser(prog="disentangle.archive.publish", description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--upload", action="store_true", help="make a draft only you can see")
    parser.add_argument("--publish", action="store_true", help="also publish it, irrevocably")
    parser.add_argument("--sandbox", action="store_true", help="use sandbox.zenodo.org, for tests")
    asked = parser.parse_args(arguments)
    archive, address = asked.archive, SANDBOX if asked.sandbox else ZENODO
    metadata = deposit_metadata(archive, CITATION)
    if not (asked.upload or asked.publish):
        print(preview(archive, metadata, address, os.environ))
        return
    zenodo = Zenodo(address, _token(address))
    note = note_of(archive, address)
    done = deposit(archive, metadata, zenodo, note, print, publish=asked.publish)
    if done.published and not asked.sandbox:  # the sandbox's DOIs lead nowhere
        add_doi(CITATION, done.doi, str(metadata["title"]))
        print(f"{CITATION} now has its DOI; commit that file.")


def main() -> None:
    """Entry of the command; see the module."""
    try:
        run(sys.argv[1:])
    except (StudyError, OSError) as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
