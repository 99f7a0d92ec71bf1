"""A hub of datasets and models on this machine, as far as its library asks for one."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Repos = dict[str, dict[str, bytes]]
"""Files by path, by repository: owner/name for its branch main, owner/name@revision for another."""

COMMIT = "c0ffee" + "0" * 34
"""Of the branch main."""


def commit_of(revision: str) -> str:
    """The commit that a revision is."""
    return COMMIT if revision == "main" else _etag(revision.encode())


@contextmanager
def stand_in_hub(repos: Repos, gated: tuple[str, ...] = ()) -> Iterator[str]:
    """Serve repositories, a commit a revision; gated ones are shown and not given. Gives the
    address."""
    revisions: dict[str, Repos] = {}
    for spelled, files in repos.items():
        repo, _, revision = spelled.partition("@")
        at = revisions.setdefault(repo, {})
        at[revision or "main"] = at[commit_of(revision or "main")] = files

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].removeprefix("/api")
            for kind in ("/datasets", "/models"):
                path = path.removeprefix(kind)
            owner, _, path = path.removeprefix("/").partition("/")
            name, *rest = path.split("/")
            known = revisions.get(f"{owner}/{name}")
            if known is None:
                self.answer(404, X_Error_Code="RepoNotFound")
            elif (files := known.get(rest[1])) is None:
                self.answer(404, X_Error_Code="RevisionNotFound")
            elif rest[0] == "revision":
                commit = rest[1] if len(rest[1]) == len(COMMIT) else commit_of(rest[1])
                info = {"id": f"{owner}/{name}", "sha": commit, "siblings": []}
                self.answer(200, json.dumps(info).encode())
            elif f"{owner}/{name}" in gated:
                self.answer(403, X_Error_Code="GatedRepo", X_Error_Message="Access is restricted")
            elif rest[0] == "tree":
                listed = [
                    {"type": "file", "path": path, "size": len(data), "oid": _etag(data)}
                    for path, data in files.items()
                ]
                self.answer(200, json.dumps(listed).encode(), Content_Type="application/json")
            else:
                data = files["/".join(rest[2:])]
                self.answer(200, data, ETag=f'"{_etag(data)}"', X_Repo_Commit=rest[1])

        do_HEAD = do_GET  # noqa: N815 (the server calls it so)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def _etag(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
