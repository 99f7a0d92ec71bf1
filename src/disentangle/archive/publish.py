"""Deposit a study's archive at Zenodo, through the library zenodo-client.

A file beside the archive records a started deposit, so that the same command continues it.
"""

import html
import json
import os
from dataclasses import dataclass
from hashlib import file_digest, md5
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import yaml

from disentangle.errors import StudyError
from disentangle.job import Say
from disentangle.storage import read_json, write_json

if TYPE_CHECKING:
    import requests
    from zenodo_client import Zenodo

CITATION = Path("CITATION.cff")
CRATE = "ro-crate-metadata.json"

MOST_METADATA = 256 * 2**20
"""Most bytes of a crate's metadata that are read; thousands of jobs give some tens of MB."""

UPLOAD_SECONDS = 3600
"""How long an answer to an upload may take; Zenodo hashes a file before it answers."""


@dataclass(frozen=True)
class Site:
    """Zenodo, or its sandbox."""

    address: str
    token: str
    """The environment variable that holds the account's token; it is read from nowhere else."""
    sandbox: bool

    def note(self, archive: Path) -> Path:
        """The file that records which deposit was started for an archive."""
        return archive.with_name(f"{archive.name}.{self.address.partition('://')[2]}.json")


ZENODO = Site("https://zenodo.org", "ZENODO_TOKEN", sandbox=False)
SANDBOX = Site("https://sandbox.zenodo.org", "ZENODO_SANDBOX_TOKEN", sandbox=True)


def preview(archive: Path, site: Site) -> str:
    """A description of what would be sent; nothing is sent.

    Raises:
        StudyError: if the file is not an archive of a study.
    """
    metadata = json.dumps(deposit_metadata(archive, CITATION), indent=2, ensure_ascii=False)
    return (
        f"This would be sent to {site.address}, first as a draft:\n{metadata}\n"
        f"with {archive.name}, {archive.stat().st_size:,} bytes, MD5 {_md5_of(archive)}\n"
        f"{site.token} is {'set' if os.environ.get(site.token) else 'not set'}. Nothing was sent: "
        "--upload makes the draft, --publish also makes it public."
    )


def deposit(archive: Path, site: Site, say: Say, *, publish: bool) -> None:
    """Upload an archive as a draft, or continue with the draft that an earlier call started.

    Args:
        archive: the file.
        site: where to.
        say: prints a message.
        publish: also make it public, which cannot be undone.

    Raises:
        StudyError: if it failed, with the state of the deposit and what to do.
    """
    import requests

    metadata, checksum = deposit_metadata(archive, CITATION), _md5_of(archive)
    token, note = _token(site), site.note(archive)
    try:
        account = open_account(token, site)
        begun = str(read_json(note)["deposit"]) if note.is_file() else None
        if begun is not None and _is_public(account, begun):
            _check_unchanged(archive, checksum, note)
            say(f"already published: {site.address}/records/{begun}")
            return
        if begun is None:
            draft = account.create({"metadata": metadata}, [], publish=False).json()
            begun = str(draft["id"])
            say(f"started draft {begun}: {draft['links']['html']}")
        write_json(note, {"deposit": begun, "md5": checksum})
        draft = account.update(begun, archive, publish=False, timeout=UPLOAD_SECONDS).json()
        _check_files(draft, archive, checksum, note)
        doi = draft["metadata"]["prereserve_doi"]["doi"]
        if not publish:
            say(f"uploaded, not published: {draft['links']['html']}. --publish makes it {doi}.")
            return
        account.publish(begun)
    except requests.RequestException as error:
        raise StudyError(_failure(error, site, note, token)) from None  # its text has the token
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{site.address} did not answer with a deposit "
            f"({_without(token, repr(error))}); has its API changed?"
        ) from None
    say(f"published as {doi}: add it to the identifiers in {CITATION}")


def deposit_metadata(archive: Path, citation: Path) -> dict[str, Any]:
    """Metadata of a deposit, with Zenodo's keys: title and description from the archive's crate,
    the rest from CITATION.cff.

    Raises:
        StudyError: if the file is not an archive of a study, or required metadata are missing.
    """
    root, cited = _crate_root(archive), _read_citation(citation)
    found = {
        "upload_type": "dataset",
        "title": root.get("name"),
        "description": html.escape(str(root.get("description") or "")),
        "creators": [_creator(author) for author in cited.get("authors", [])],
        "access_right": "open",
        "license": str(cited.get("license", "")).lower(),
        "keywords": cited.get("keywords"),
        "version": cited.get("version"),
        "prereserve_doi": True,
    }
    if lacking := [
        key for key in ("title", "description", "creators", "license") if not found[key]
    ]:
        raise StudyError(
            f"{archive}: {CRATE} in it and {citation} do not give its {', '.join(lacking)}"
        )
    return {key: value for key, value in found.items() if value}


def open_account(token: str, site: Site) -> "Zenodo":
    """The client of an account."""
    from zenodo_client import Zenodo

    return Zenodo(access_token=token, sandbox=site.sandbox)


def _token(site: Site) -> str:
    token = os.environ.get(site.token, "").strip()
    if token.isalnum() and token.isascii():
        return token
    raise StudyError(
        f"{site.token} is {'not a token' if token else 'not set'}. Make a token with the scopes "
        f"deposit:write and deposit:actions at {site.address}/account/settings/applications.\n"
        f"Set the variable without leaving it in the shell's history: "
        f"read -rs {site.token}; export {site.token}"
    )


def _check_unchanged(archive: Path, checksum: str, note: Path) -> None:
    noted = read_json(note)
    if noted["md5"] != checksum:
        raise StudyError(
            f"{archive} has changed since it was published as record {noted['deposit']}.\n"
            f"Delete {note} to start another deposit."
        )


def _is_public(account: "Zenodo", deposit: str) -> bool:
    import requests

    try:
        account.get_record(deposit)
    except requests.HTTPError as error:
        if error.response is None or error.response.status_code != 404:
            raise
        return False
    return True


def _check_files(draft: Any, archive: Path, checksum: str, note: Path) -> None:
    there = {one["filename"]: one["checksum"].removeprefix("md5:") for one in draft["files"]}
    if there == {archive.name: checksum}:
        return
    shown = ", ".join(f"{name} (MD5 {md5})" for name, md5 in there.items()) or "nothing"
    raise StudyError(
        f"The draft should contain only {archive.name}, with MD5 {checksum}. It contains {shown}.\n"
        "Nothing is published. Run the same command again to replace the file, correct the draft "
        f"at {draft['links']['html']}, or delete that draft and {note}."
    )


def _failure(error: "requests.RequestException", site: Site, note: Path, token: str) -> str:
    answer = error.response
    if answer is None:
        return (
            f"{site.address} cannot be reached, or did not answer ({type(error).__name__}).\n"
            "Run the same command again to continue. If no draft was reported yet, look for an "
            f"empty one first: {site.address}/me/uploads"
        )
    what = f"{site.address} refused the request ({answer.status_code} {answer.reason})"
    if answer.status_code in (401, 403):
        return (
            f"{what}: the token is not valid there, or lacks the scopes deposit:write and "
            f"deposit:actions.\nMake one at {site.address}/account/settings/applications; the "
            "sandbox has separate accounts and tokens."
        )
    if answer.status_code in (404, 410):
        gone = f"the draft that {note} names no longer exists."
        return f"{what}: {gone}\nDelete {note} to start another."
    again = "\nTry again later." if answer.status_code >= 500 else ""
    return f"{what}:\n{_without(token, answer.text[:2000])}{again}"


def _without(token: str, text: str) -> str:
    return text.replace(token, "(token)")


def _crate_root(archive: Path) -> dict[str, Any]:
    """The entity of the crate that stands for the whole."""
    try:
        with ZipFile(archive) as opened, opened.open(CRATE) as file:
            content = file.read(MOST_METADATA + 1)
    except (BadZipFile, KeyError, OSError) as error:
        raise StudyError(
            f"{archive} is not an archive of a study: not a zip file with a {CRATE} at its root.\n"
            "`snakemake archive` writes one."
        ) from error
    try:
        if len(content) > MOST_METADATA:
            raise ValueError("it is too large")
        entities = json.loads(content)["@graph"]
        (root,) = (dict(entity) for entity in entities if entity["@id"] == "./")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudyError(f"{archive}: its {CRATE} is not an RO-Crate ({error!r})") from error
    return root


def _read_citation(path: Path) -> dict[str, Any]:
    try:
        cited = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StudyError(
            f"{path} cannot be read; run this in the folder that contains it"
        ) from error
    if not isinstance(cited, dict):
        raise StudyError(f"{path} is not a citation file")
    return cited


def _creator(author: dict[str, Any]) -> dict[str, str]:
    parts = [author[key] for key in ("family-names", "given-names") if author.get(key)]
    orcid = str(author.get("orcid", "")).rpartition("/")[2]
    return {"name": ", ".join(parts) or str(author.get("name", ""))} | (
        {"orcid": orcid} if orcid else {}
    )


def _md5_of(path: Path) -> str:
    """MD5 of a file's bytes, the checksum that Zenodo uses."""
    with path.open("rb") as file:
        return file_digest(file, lambda: md5(usedforsecurity=False)).hexdigest()
