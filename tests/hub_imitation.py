"""An imitation of the Hugging Face Hub on 127.0.0.1 for the real client: repositories with commits
and large file storage, tokens, gated and private repositories, and faults on purpose.

It keeps every request, so a test can search all bytes that left.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

TOKEN, USER = "hf_made0up0token0of0tests", "mine"
LARGE = (".parquet", ".safetensors", ".gz", ".bin")  # in large file storage whatever their size
LARGE_FROM = 20_000  # bytes, for other files
PAGE = 2  # entries of a page of a tree, so that the client has to follow the next ones


@dataclass
class Repository:
    """A repository: its commits, the newest last, each with all its files."""

    kind: str
    name: str
    private: bool = False
    gated: bool = False
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: dict[str, bytes], message: str = "") -> str:
        """A new commit of main with these files."""
        text = json.dumps([len(self.commits), self.name, sorted(files)])
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.commits.append((sha, dict(files)))
        self.refs["main"] = sha
        self.messages.append(message)
        return sha

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        wanted = self.refs.get(revision, revision)
        return next((one for one in self.commits if one[0] == wanted), None)


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Hub:
    """The state of the imitation.

    Attributes:
        storage: the address of large file storage, another host as on the real Hub.
        served: other bytes than the committed ones, by path in a repository.
        listed: other sizes than the real ones, by path in a repository.
        cut: bytes after which a download of a path breaks off, once for each number.
        cut_uploads: bytes after which uploads to large file storage break off.
        statuses: status of requests whose path matches a pattern.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.storage = address.replace("127.0.0.1", "localhost")
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.served: dict[str, bytes] = {}
        self.listed: dict[str, int] = {}
        self.cut: dict[str, list[int]] = {}
        self.cut_uploads: list[int] = []
        self.statuses: dict[str, int] = {}

    def dataset(self, name: str, files: dict[str, bytes | str], **more: bool) -> Repository:
        """A dataset with one commit."""
        return self.repository("dataset", name, files, **more)

    def repository(
        self, kind: str, name: str, files: dict[str, bytes | str], **more: bool
    ) -> Repository:
        found = Repository(kind, name, **more)
        found.commit(
            {
                path: content.encode() if isinstance(content, str) else content
                for path, content in files.items()
            }
        )
        self.repositories[kind, name] = found
        return found

    def paths(self, method: str = "GET") -> list[str]:
        return [one.path for one in self.requests if one.method == method]

    def sent(self) -> bytes:
        """All bytes that left: paths, headers and bodies. Encoded files are decoded."""
        parts = []
        for one in self.requests:
            parts += [one.path.encode(), one.body]
            parts += [f"{name}: {value}".encode() for name, value in one.headers.items()]
            for line in one.body.splitlines():
                try:
                    parts.append(base64.b64decode(json.loads(line)["value"]["content"]))
                except (ValueError, KeyError, TypeError):
                    continue
        return b"\n".join(parts)


@contextmanager
def imitated() -> Iterator[Hub]:
    """A running imitation."""

    class Handler(Answering):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Handler.hub
    finally:
        server.shutdown()
        server.server_close()


class Answering(BaseHTTPRequestHandler):
    """The endpoints that the client uses."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.received(path)
        if body is None:
            return
        headers = {name.title(): value for name, value in self.headers.items()}
        self.hub.requests.append(Request(self.command, self.path, headers, body))
        for pattern, status in self.hub.statuses.items():
            if re.search(pattern, path):
                self.send(status, {"error": "made up"})
                return
        for pattern, method in ROUTES:
            if found := re.fullmatch(pattern, path):
                getattr(self, method)(body, **found.groupdict())
                return
        self.send(404, {"error": "no such endpoint"})

    def received(self, path: str) -> bytes | None:
        """The body of a request. Null if it is an upload that is to break off."""
        size = int(self.headers.get("Content-Length") or 0)
        if path.startswith("/storage/") and self.command == "PUT" and self.hub.cut_uploads:
            self.rfile.read(min(size, self.hub.cut_uploads.pop(0)))
            self.drop()
            return None
        return self.rfile.read(size)

    def drop(self) -> None:
        """Break the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    @property
    def user(self) -> str | None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return USER if given == TOKEN else None

    def known(self, kind: str, name: str) -> Repository | None:
        """A repository that the user may see. If there is none, the error is sent."""
        found = self.hub.repositories.get((kind, name))
        if found is None or (found.private and self.user is None):
            status = 404 if self.user else 401
            self.send(status, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return None
        return found

    def revised(
        self, kind: str, name: str, revision: str
    ) -> tuple[Repository, str, dict[str, bytes]] | None:
        found = self.known(kind, name)
        if found is None:
            return None
        commit = found.at(revision)
        if commit is None:
            self.send(404, {"error": "no revision"}, {"X-Error-Code": "RevisionNotFound"})
            return None
        return found, *commit

    def info(self, body: bytes, kind: str, name: str, revision: str | None = None) -> None:
        if found := self.revised(kind, name, revision or "main"):
            repository, sha, files = found
            self.send(
                200,
                {
                    "id": name,
                    "sha": sha,
                    "private": repository.private,
                    "gated": "manual" if repository.gated else False,
                    "siblings": [{"rfilename": path} for path in files],
                },
            )

    def tree(self, body: bytes, kind: str, name: str, revision: str) -> None:
        found = self.revised(kind, name, revision)
        if found is None:
            return
        entries = [self.entry(path, content) for path, content in found[2].items()]
        folders = sorted({path.rpartition("/")[0] for path in found[2] if "/" in path})
        entries += [{"type": "directory", "path": path, "oid": "0" * 40} for path in folders]
        query = parse_qs(urlsplit(self.path).query)
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + PAGE < len(entries):
            plain = f"{self.hub.address}{urlsplit(self.path).path}"
            headers["Link"] = f'<{plain}?recursive=true&cursor={start + PAGE}>; rel="next"'
        self.send(200, entries[start : start + PAGE], headers)

    def entry(self, path: str, content: bytes) -> dict:
        size = self.hub.listed.get(path, len(content))
        found = {"type": "file", "path": path, "size": size, "oid": git_hash(content)}
        if is_large(path, content):
            sha = hashlib.sha256(content).hexdigest()
            found["lfs"] = {"oid": sha, "size": size, "pointerSize": 134}
        return found

    def resolve(self, body: bytes, kind: str, name: str, revision: str, path: str) -> None:
        found = self.revised(kind, name, revision)
        if found is None:
            return
        repository, sha, files = found
        if repository.gated:
            status = 403 if self.user else 401
            self.send(status, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
            return
        if path not in files:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha}
            self.send(404, {"error": "no entry"}, headers)
            return
        content = self.hub.served.get(path, files[path])
        headers = {"X-Repo-Commit": sha, "ETag": f'"{git_hash(files[path])}"'}
        if is_large(path, files[path]):
            oid = hashlib.sha256(files[path]).hexdigest()
            self.hub.stored[oid] = files[path]
            headers |= {
                "X-Linked-Size": str(len(content)),
                "X-Linked-Etag": f'"{oid}"',
                "Location": f"{self.hub.storage}/storage/{oid}?path={path}",
            }
            self.send(302, b"", headers)
            return
        self.stream(path, content, headers)

    def storage(self, body: bytes, oid: str) -> None:
        """Large file storage: GET, and PUT of an upload."""
        if self.command == "PUT":
            if hashlib.sha256(body).hexdigest() != oid:
                self.send(400, {"error": "wrong hash"})
                return
            self.hub.stored[oid] = body
            self.send(200, b"", {"ETag": f'"{oid}"'})
            return
        path = parse_qs(urlsplit(self.path).query)["path"][0]
        self.stream(path, self.hub.served.get(path, self.hub.stored[oid]), {"ETag": f'"{oid}"'})

    def stream(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        """A file, or the part that `Range` names. It may break off."""
        start, status = 0, 200
        if given := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start, status = int(given[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        rest = content[start:]
        cuts = self.hub.cut.get(path, [])
        if not cuts or self.command == "HEAD":
            self.send(status, rest, headers)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: cuts.pop(0)])
        self.wfile.flush()
        self.drop()

    def whoami(self, body: bytes) -> None:
        if self.user is None:
            self.send(401, {"error": "Invalid credentials in Authorization header"})
        else:
            self.send(200, {"type": "user", "name": self.user, "orgs": []})

    def validate(self, body: bytes) -> None:
        given = json.loads(body)["content"]
        if given.startswith("---\n") and "\n---\n" in given:
            self.send(200, {"errors": [], "warnings": []})
        else:
            self.send(400, {"errors": [{"message": "no metadata"}], "warnings": []})

    def create(self, body: bytes) -> None:
        if self.user is None:
            self.send(401, {"error": "Invalid credentials in Authorization header"})
            return
        given = json.loads(body)
        name, kind = f"{given['organization']}/{given['name']}", given.get("type") or "model"
        if given["organization"] != self.user:
            self.send(403, {"error": "not your namespace"})
        elif (kind, name) in self.hub.repositories:
            self.send(409, {"error": "exists", "url": f"{self.hub.address}/{name}"})
        else:
            private = given.get("visibility") == "private"
            self.hub.repository(kind, name, {".gitattributes": ""}, private=private)
            prefix = "datasets/" if kind == "dataset" else ""
            self.send(200, {"url": f"{self.hub.address}/{prefix}{name}"})

    def writable(self, kind: str, name: str) -> Repository | None:
        found = self.known(kind, name)
        if found is not None and not (self.user and name.startswith(f"{self.user}/")):
            self.send(403, {"error": "no write permission"})
            return None
        return found

    def preupload(self, body: bytes, kind: str, name: str, revision: str) -> None:
        if self.writable(kind, name):
            files = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs"
                    if one["path"].endswith(LARGE) or one["size"] >= LARGE_FROM
                    else "regular",
                    "shouldIgnore": False,
                }
                for one in json.loads(body)["files"]
            ]
            self.send(200, {"files": files})

    def batch(self, body: bytes, prefix: str | None, name: str) -> None:
        if self.writable("dataset" if prefix else "model", name):
            objects = [
                one
                | {
                    "actions": {
                        "upload": {"href": f"{self.hub.storage}/storage/{one['oid']}"},
                        "verify": {"href": f"{self.hub.address}/verify"},
                    }
                }
                for one in json.loads(body)["objects"]
            ]
            self.send(200, {"transfer": "basic", "objects": objects})

    def verify(self, body: bytes) -> None:
        given = json.loads(body)
        found = self.hub.stored.get(given["oid"])
        right = found is not None and len(found) == given["size"]
        self.send(200 if right else 404, {"message": "ok" if right else "missing"})

    def commit(self, body: bytes, kind: str, name: str, revision: str) -> None:
        found = self.writable(kind, name)
        if found is None:
            return
        lines = [json.loads(line) for line in body.splitlines()]
        header = next(one["value"] for one in lines if one["key"] == "header")
        if header.get("parentCommit", found.refs["main"]) != found.refs["main"]:
            self.send(412, {"error": "A commit has happened since."})
            return
        files = dict(found.at("main")[1])
        for one in lines:
            value = one["value"]
            if one["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif one["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
        sha = found.commit(files, header["summary"])
        prefix = "datasets/" if kind == "dataset" else ""
        url = f"{self.hub.address}/{prefix}{name}/commit/{sha}"
        self.send(200, {"commitUrl": url, "commitOid": sha, "success": True})


NAMED = r"(?P<name>[^/]+/[^/]+)"
ROUTES = [
    (r"/api/whoami-v2", "whoami"),
    (r"/api/validate-yaml", "validate"),
    (r"/api/repos/create", "create"),
    (r"/verify", "verify"),
    (r"/storage/(?P<oid>[0-9a-f]{64})", "storage"),
    (rf"/api/(?P<kind>dataset|model)s/{NAMED}", "info"),
    (rf"/api/(?P<kind>dataset|model)s/{NAMED}/revision/(?P<revision>.+)", "info"),
    (rf"/api/(?P<kind>dataset|model)s/{NAMED}/tree/(?P<revision>.+)", "tree"),
    (rf"/api/(?P<kind>dataset|model)s/{NAMED}/preupload/(?P<revision>.+)", "preupload"),
    (rf"/api/(?P<kind>dataset|model)s/{NAMED}/commit/(?P<revision>.+)", "commit"),
    (rf"/(?P<kind>dataset)s/{NAMED}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    (rf"/(?P<prefix>datasets/)?{NAMED}\.git/info/lfs/objects/batch", "batch"),
]


def is_large(path: str, content: bytes) -> bool:
    return path.endswith(LARGE) or len(content) >= LARGE_FROM


def git_hash(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


@pytest.fixture
def hub_imitation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running imitation as the Hub of this test, without a token."""
    from huggingface_hub import constants

    with imitated() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "0")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
        yield hub


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits between its attempts, which no test needs."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
