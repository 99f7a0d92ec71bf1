"""Zenodo's deposits on this machine, as far as one of them is made through its REST API."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "s3crettoken"


@dataclass
class StandIn:
    """What was asked and is there, and what is to go wrong."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    """Methods and paths, in order."""
    metadata: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[int, dict[str, bytes]] = field(default_factory=dict)
    published: set[int] = field(default_factory=set)
    hang_up_after: int | None = None
    """Bytes of an upload, after which the connection breaks."""
    spoil: bool = False
    """Whether what arrives is not what was sent."""
    refuse: str = ""
    """A method and the end of a path that is refused with the whole address that was asked."""

    def shown(self, deposit: int) -> dict[str, Any]:
        published = deposit in self.published
        doi = f"10.5281/zenodo.{deposit}"
        return {
            "id": deposit,
            "submitted": published,
            "state": "done" if published else "unsubmitted",
            "metadata": self.metadata[deposit] | {"prereserve_doi": {"doi": doi, "recid": deposit}},
            "links": {
                "html": f"{self.address}/deposit/{deposit}",
                "bucket": f"{self.address}/api/files/bucket-{deposit}",
            },
            "files": [
                {"filename": name, "filesize": len(data), "checksum": hashlib.md5(data).hexdigest()}
                for name, data in self.files[deposit].items()
            ],
        } | ({"doi": doi} if published else {})


@contextmanager
def stand_in_zenodo() -> Iterator[StandIn]:
    """Serve an account with no deposits."""
    here = StandIn()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def receive(self) -> bytes | None:
            size = int(self.headers.get("Content-Length", 0))
            if here.hang_up_after is not None and "/api/files/" in self.path:
                self.rfile.read(min(size, here.hang_up_after))
                self.close_connection = True
                return None
            return self.rfile.read(size)

        def respond(self) -> None:
            path, token = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            here.asked.append(f"{self.command} {path}")
            if (body := self.receive()) is None:
                return
            if token != {"access_token": [TOKEN]}:
                self.answer(401, {"status": 401, "message": "Unauthorized"})
            elif here.refuse and f"{self.command} {path}".endswith(here.refuse):
                self.answer(503, {"message": self.path, "errors": []})
            elif path.startswith("/api/files/bucket-"):
                deposit, _, name = path.removeprefix("/api/files/bucket-").partition("/")
                name, data = unquote(name), body + b"!" if here.spoil else body
                here.files[int(deposit)][name] = data
                self.answer(201, {"key": name, "checksum": f"md5:{hashlib.md5(data).hexdigest()}"})
            elif path.startswith("/api/records/"):
                public = int(path.rpartition("/")[2]) in here.published
                self.answer(200 if public else 404, {})
            else:
                self.deposit(path.removeprefix("/api/deposit/depositions"), body)

        def deposit(self, path: str, body: bytes) -> None:
            _, spelled, *action = [*path.split("/"), ""][:4]
            if not spelled and self.command == "POST":
                number = 100 + len(here.metadata)
                here.metadata[number], here.files[number] = json.loads(body)["metadata"], {}
                self.answer(201, here.shown(number))
                return
            number = int(spelled)
            if number not in here.metadata:
                self.answer(404, {"status": 404, "message": "PID does not exist."})
                return
            if self.command == "PUT":
                here.metadata[number] = json.loads(body)["metadata"]
            if path.endswith("/actions/publish"):
                known = here.metadata[number]
                lacking = [
                    {"field": f"metadata.{key}", "message": "Missing data for required field."}
                    for key in ("title", "creators", "description", "upload_type", "license")
                    if not known.get(key)
                ]
                if lacking or not here.files[number]:
                    self.answer(400, {"message": "Validation error.", "errors": lacking})
                    return
                here.published.add(number)
            self.answer(202 if action[0] else 200, here.shown(number))

        do_GET = do_POST = do_PUT = respond  # noqa: N815 (the server calls them so)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    here.address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield here
    server.shutdown()
