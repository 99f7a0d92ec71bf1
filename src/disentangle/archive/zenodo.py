"""The part of Zenodo's REST API that a deposit of one file needs (developers.zenodo.org)."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from disentangle.errors import StudyError
from disentangle.job import Say, Throttle

CHUNK = 2**20
PATIENCE = httpx.Timeout(60, read=600)
"""Seconds; Zenodo hashes a file before it answers."""


@dataclass(frozen=True)
class Deposit:
    """A deposit as Zenodo shows it."""

    id: int
    doi: str
    """Reserved at first; registered when the deposit is published."""
    published: bool
    page: str
    bucket: str
    """URL for uploads."""
    files: dict[str, str]
    """Uploaded files: name to MD5."""


def md5_of(path: Path) -> str:
    """MD5 of a file's bytes, the checksum that Zenodo uses."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


class Zenodo:
    """An account at Zenodo or its sandbox. The token is sent only to that address, in a header."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token = address, token
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE, follow_redirects=False
        )

    def create(self, metadata: dict[str, Any]) -> Deposit:
        """Start a deposit; until it is published, it is private and can be deleted."""
        return self._deposit("POST", "", json={"metadata": metadata})

    def read(self, deposit: int) -> Deposit | None:
        """The current state of a deposit; None if it was deleted."""
        answer = self._ask("GET", self._path(deposit), lambda status: status in (200, 404, 410))
        return None if answer.status_code in (404, 410) else self._read(answer)

    def describe(self, deposit: int, metadata: dict[str, Any]) -> Deposit:
        """Replace a deposit's metadata; its reserved DOI stays."""
        return self._deposit("PUT", deposit, json={"metadata": metadata})

    def publish(self, deposit: int) -> Deposit:
        """Make a deposit public and register its DOI. This cannot be undone."""
        return self._deposit("POST", f"{deposit}/actions/publish")

    def upload(self, deposit: Deposit, file: Path, say: Say) -> str:
        """Upload a file, replacing one of the same name; returns the MD5 of the received bytes.

        Raises:
            StudyError: if the upload failed; the deposit remains and can be continued.
        """
        if not deposit.bucket.startswith(f"{self._address}/"):
            raise StudyError(
                f"{self._address} asks to send the file to another site, {deposit.bucket}. "
                "Nothing was sent."
            )
        size = file.stat().st_size
        answer = self._ask(
            "PUT",
            f"{deposit.bucket}/{quote(file.name)}",
            content=_parts(file, size, say),
            headers={"Content-Length": str(size)},
        )
        return _md5(answer.json().get("checksum", ""))

    def _path(self, deposit: int | str) -> str:
        return f"{self._address}/api/deposit/depositions/{deposit}".rstrip("/")

    def _deposit(self, method: str, deposit: int | str, **request: Any) -> Deposit:
        return self._read(self._ask(method, self._path(deposit), **request))

    def _ask(
        self,
        method: str,
        url: str,
        expected: Callable[[int], bool] = lambda status: 200 <= status < 300,
        **request: Any,
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, url, **request)
        except httpx.HTTPError as error:
            raise StudyError(
                f"{self._address} cannot be reached, or did not answer ({type(error).__name__}).\n"
                "Uploaded files are kept: run the same command again to continue. If no draft "
                f"was reported yet, look for an empty one first: {self._address}/me/uploads"
            ) from error
        if not expected(answer.status_code):
            raise StudyError(self._refusal(answer))
        return answer

    def _refusal(self, answer: httpx.Response) -> str:
        what = f"{self._address} refused the request ({answer.status_code} {answer.reason_phrase})"
        if answer.status_code in (401, 403):
            return (
                f"{what}: the token is not valid there, or lacks the scopes deposit:write and "
                f"deposit:actions.\nMake one at {self._address}/account/settings/applications; the "
                "sandbox has separate accounts and tokens."
            )
        try:
            content = answer.json()
            faults = [f"{one.get('field')}: {one.get('message')}" for one in content["errors"]]
            said = "\n  ".join([str(content.get("message", "")), *faults])
        except (ValueError, KeyError, TypeError, AttributeError):
            said = answer.text
        # never show the token, even if the answer echoes it
        said = said.replace(self._token, "(token)")[:800]
        again = "\nRun the same command again later." if answer.status_code >= 500 else ""
        return f"{what}:\n  {said}{again}"

    def _read(self, answer: httpx.Response) -> Deposit:
        try:
            content = answer.json()
            metadata = content.get("metadata", {})
            return Deposit(
                id=int(content["id"]),
                doi=content.get("doi") or metadata["prereserve_doi"]["doi"],
                published=bool(content.get("submitted")),
                page=str(content["links"].get("html", "")),
                bucket=str(content["links"].get("bucket", "")),
                files={one["filename"]: _md5(one["checksum"]) for one in content.get("files", [])},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StudyError(
                f"{self._address} did not answer with a deposit ({error!r}); has its API changed?"
            ) from error


def _md5(checksum: str) -> str:
    return checksum.removeprefix("md5:")


def _parts(file: Path, size: int, say: Say) -> Iterator[bytes]:
    """A file in pieces, printing the progress."""
    progress, sent = Throttle(10), 0
    with file.open("rb") as opened:
        while part := opened.read(CHUNK):
            yield part
            sent += len(part)
            if progress.ready():
                say(f"{sent / 2**20:,.0f} of {size / 2**20:,.0f} MiB sent")
