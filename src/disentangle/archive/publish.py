"""Deposit a study's archive at Zenodo.

    python -m disentangle.archive.publish ARCHIVE [--upload | --publish] [--sandbox]

Without --upload or --publish it says what it would send, and sends nothing. A deposit that was
begun is noted beside the archive, so that the same command goes on with it.
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
"""Where each address's token is taken from: an environment variable, and nowhere else."""


def note_of(archive: Path, address: str) -> Path:
    """The file that says which deposit was begun for an archive."""
    return archive.with_name(f"{archive.name}.{address.partition('://')[2]}.json")


def deposit(
    archive: Path, metadata: dict[str, Any], zenodo: Zenodo, note: Path, say: Say, *, publish: bool
) -> Deposit:
    """Bring an archive into a deposit, from wherever an earlier call was stopped.

    Args:
        archive: the file.
        metadata: what Zenodo is told about it.
        zenodo: the account.
        note: where the deposit is written down as soon as it is begun.
        say: tells the screen.
        publish: make it public in the end, which cannot be taken back.

    Raises:
        StudyError: if it was not done, with what there is of it and what to do.
    """
    md5 = md5_of(archive)
    found = _begun(archive, md5, zenodo, note)
    if found is None:
        found = zenodo.create(metadata)
        write_json(note, {"deposit": found.id, "doi": found.doi, "md5": md5, "page": found.page})
        say(f"draft {found.id} begun, DOI {found.doi} reserved: {found.page}")
    if found.published:
        say(f"published before, as {found.doi}")
        return found
    if found.files.get(archive.name) == md5:
        say("the archive is there already")
    else:
        arrived = zenodo.upload(found, archive, say)
        if arrived != md5:
            raise StudyError(
                f"What arrived is not what was sent: its MD5 is {arrived}, not {md5}.\n"
                "Nothing is published. Run the same command again: it takes that file's place."
            )
    found = zenodo.describe(found.id, metadata)
    if found.files != {archive.name: md5}:
        there = ", ".join(found.files) or "nothing"
        raise StudyError(
            f"The draft should hold {archive.name} alone, with MD5 {md5}. It holds {there}.\n"
            f"Nothing is published. Put it right at {found.page}, or delete that draft and {note}."
        )
    if publish:
        found = zenodo.publish(found.id)
        say(f"published as {found.doi}: {found.page}")
    else:
        say(f"uploaded and not published; with --publish it becomes {found.doi}: {found.page}")
    return found


def _begun(archive: Path, md5: str, zenodo: Zenodo, note: Path) -> Deposit | None:
    """The deposit that was begun for this file, if there is one."""
    if not note.is_file():
        return None
    noted = read_json(note)
    found = zenodo.read(noted["deposit"])
    if found is None:
        raise StudyError(
            f"Draft {noted['deposit']}, which {note} names, is not there any more.\n"
            f"Delete {note} to begin another."
        )
    if noted["md5"] != md5:
        state = "is published and stays" if found.published else "can be deleted there"
        raise StudyError(
            f"{archive} is another file than the one that deposit {found.id} was begun for, which "
            f"{state}: {found.page}\nDelete {note} to begin a deposit for this one."
        )
    return found


def preview(archive: Path, metadata: dict[str, Any], address: str, known: Mapping[str, str]) -> str:
    """What would be sent, for the screen."""
    token = TOKENS[address]
    return (
        f"Would go to {address}, as a draft first:\n"
        f"{json.dumps(metadata, indent=2, ensure_ascii=False)}\n"
        f"with {archive.name}, {archive.stat().st_size:,} bytes, MD5 {md5_of(archive)}\n"
        f"{token} is {'set' if known.get(token) else 'not set'}. Nothing was sent: --upload makes "
        "the draft, --publish makes it public as well."
    )


def _token(address: str) -> str:
    name = TOKENS[address]
    token = os.environ.get(name, "").strip()
    if token and token.isascii() and token.isprintable():
        return token
    raise StudyError(
        f"{name} is {'no token' if token else 'not set'}. Make one with the scopes deposit:write "
        f"and deposit:actions at {address}/account/settings/applications,\nand put it there "
        f"without its standing in the shell's history: read -rs {name}; export {name}"
    )


def run(arguments: list[str]) -> None:
    """Do what the command line says.

    Raises:
        StudyError: saying what is wrong and what to do.
    """
    parser = ArgumentParser(prog="disentangle.archive.publish", description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--upload", action="store_true", help="make a draft, seen by you alone")
    parser.add_argument("--publish", action="store_true", help="and publish it, for good")
    parser.add_argument("--sandbox", action="store_true", help="at sandbox.zenodo.org, to try it")
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
        print(f"{CITATION} names it; commit that.")


def main() -> None:
    """Entry of the command; see the module."""
    try:
        run(sys.argv[1:])
    except (StudyError, OSError) as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
