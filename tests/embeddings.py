"""A server that speaks OpenAI's /v1/embeddings, and misbehaves as it is told to."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

SECRET = "sk-very-secret"


class Server(ThreadingHTTPServer):
    """Gives each text a vector of its letters, or whatever `answer` makes of the request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.keys: set[str] = set()
        self.statuses: list[int] = []  # for the first requests
        self.answer: Callable[[dict], dict | Iterator[bytes]] = (
            vectors_of  # bytes: sent as they come, without a length
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def texts(self) -> list[str]:
        return [text for body in self.requests for text in body["input"]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.keys.add(self.headers.get("authorization", ""))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.requests.append(body)
        answer = (
            self.server.answer(body) if status == 200 else {"error": {"message": f"no, {SECRET}"}}
        )
        if not isinstance(answer, dict):
            self.send_parts(answer)
            return
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        if status == 429:
            self.send_header("retry-after", "0")
        self.end_headers()
        self.wfile.write(payload)

    def send_parts(self, parts: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked goes away before the end
            for part in parts:
                self.wfile.write(part)
                self.wfile.flush()

    def log_message(self, *_: object) -> None: ...


def vector_of(text: str) -> list[float]:
    return [float(text.count(letter)) + 0.5 for letter in "abcde"]


def vectors_of(body: dict) -> dict:
    """The vectors in another order than that of the texts: their `index` says which is whose."""
    data = [
        {"object": "embedding", "index": place, "embedding": vector_of(text)}
        for place, text in enumerate(body["input"])
    ]
    return {
        "object": "list",
        "data": data[::-1],
        "model": body["model"],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()
