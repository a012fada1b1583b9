"""Every request has an end in time, whatever comes before an answer: interim answers, headers
that drip, silence.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hone.encoders.endpoint import EndpointEncoder
from hone.errors import Refused
from hone.llm.batch.client import Vendor
from hone.llm.batch.jobs import begun
from hone.llm.completion import Again
from tests.hone.llm.unruly import endpoint, heard

SHORT = 0.2  # seconds that a request may take
# seconds after which the server gives up: a client without a deadline ends with another error than
# that of a deadline
LONG = 20.0


def lines_of_headers() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: 1\r\n"


def letters_of_a_header() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Long: "
    while True:
        yield b"x"


def interim_answers() -> Iterator[bytes]:
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n"


def early_hints() -> Iterator[bytes]:
    while True:
        yield b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def letters_of_a_body() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    while True:
        yield b" "


def nothing() -> Iterator[bytes]:
    while True:
        yield b""


WAYS = [
    lines_of_headers,
    letters_of_a_header,
    interim_answers,
    early_hints,
    letters_of_a_body,
    nothing,
]


@contextlib.contextmanager
def dripping(parts: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    """The address of a server that answers every request with these parts, one after the other
    without end.
    """
    over, server = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            for part in parts():
                if over.wait(0.02):
                    return
                connection.sendall(part)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    ending = threading.Timer(LONG, over.set)
    ending.daemon = True
    ending.start()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    finally:
        ending.cancel()
        over.set()
        server.close()


@pytest.mark.parametrize("parts", WAYS)
def test_a_call_ends(parts: Callable[[], Iterator[bytes]]):
    with dripping(parts) as url:
        (reply,) = heard(None, url=url, timeout=SHORT, attempts=1)
    assert reply.fault == "timed out: no complete response within 0.2 s"


@pytest.mark.parametrize("parts", WAYS)
def test_a_request_for_vectors_ends(parts: Callable[[], Iterator[bytes]]):
    with (
        dripping(parts) as url,
        pytest.raises(
            Refused, match=r"cannot be reached \((TimeoutError|ReadTimeout), 2 attempts\)"
        ),
    ):
        EndpointEncoder(url, "m", attempts=2, timeout=SHORT).queries(["a"])


@pytest.mark.parametrize("parts", WAYS)
def test_every_request_about_a_batch_ends(parts: Callable[[], Iterator[bytes]], tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    file.write_bytes(b"{}\n")
    with dripping(parts) as url:
        where = endpoint(url, timeout=SHORT, attempts=1)
        vendor, batch = Vendor(where, None), begun(where, ["a"])
        batch.file = "file-1"
        requests = (
            lambda: vendor.upload(file),
            lambda: vendor.create(batch),
            lambda: vendor.find(batch),
            lambda: vendor.look("batch-1"),
            lambda: list(vendor.lines("file-1")),
        )
        for request in requests:
            if request is requests[-1] and parts is letters_of_a_body:
                continue  # a file of answers may be long, and has an hour
            with pytest.raises(Again, match="timed out"):
                request()
        vendor.close()
        batch.end()


def test_a_file_of_answers_ends_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hone.llm.batch.client.FILE_SECONDS", SHORT)
    with dripping(letters_of_a_body) as url:
        vendor = Vendor(endpoint(url), None)
        with pytest.raises(Again, match="timed out"):
            list(vendor.lines("file-1"))
        vendor.close()
