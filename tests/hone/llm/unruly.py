"""A server that misbehaves: each request is answered in the way that a script or a draw says.
And a client's view of it.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hone.llm.budget import Budget
from hone.llm.client import complete
from hone.llm.completion import Completion, Endpoint, Request

TOKENS = {"prompt_tokens": 100, "completion_tokens": 10}
WRONG = (
    "drip",
    "reset",
    "reset in the middle",
    "500",
    "429",
    "503",
    "half",
    "wrong",
    "empty",
    "long",
    "nested",
    "hang",
    "other model",
)


def completion(text: object = "yes", model: object = "made-up-1", **more: object) -> bytes:
    """A chat completion; `more` replaces parts of it."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }
    choice |= {
        name: more.pop(name) for name in ("finish_reason", "message", "logprobs") if name in more
    }
    return json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "model": model,
            "choices": [choice],
            "usage": TOKENS,
        }
        | more
    ).encode()


@dataclass
class Unruly:
    """What happened.

    Attributes:
        behaves: what to do with the request about this call, of which this is the given attempt:
            the name of a way to fail, "well", an answer's bytes, or status, headers and body.
        good: well answered requests of each call.
        attempts: requests of each call.
        bodies: of all requests.
        headers: of the last request.
        at_once: most requests that were open together.
    """

    behaves: Callable[[str, int], object]
    url: str = ""
    good: Counter = field(default_factory=Counter)
    attempts: Counter = field(default_factory=Counter)
    bodies: list[dict] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    open: int = 0
    at_once: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
                self.headers = {name.lower(): value.strip() for name, _, value in lines}
                body = json.loads(await reader.readexactly(int(self.headers["content-length"])))
                self.open += 1
                self.at_once = max(self.at_once, self.open)
                try:
                    await self.answer(body, writer)
                finally:
                    self.open -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, body: dict, writer: asyncio.StreamWriter) -> None:
        name = body["messages"][-1]["content"]
        self.bodies.append(body)
        self.attempts[name] += 1
        way = self.behaves(name, self.attempts[name])
        if isinstance(way, tuple):
            status, headers, content = way
            await send(writer, content, status, headers)
        elif isinstance(way, bytes):
            await send(writer, way)
        elif way == "well":
            await asyncio.sleep(0)
            self.good[name] += 1
            await send(writer, completion())
        else:
            await MISDEEDS[way](writer)


async def send(
    writer: asyncio.StreamWriter,
    content: bytes,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> None:
    given = {"Content-Type": "application/json", "Content-Length": str(len(content))} | (
        headers or {}
    )
    writer.write(
        f"HTTP/1.1 {status} X\r\n".encode()
        + "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode()
    )
    writer.write(b"\r\n" + content)
    await writer.drain()


async def drip(writer: asyncio.StreamWriter) -> None:
    content = completion()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(content)
    )
    for place in range(len(content)):
        writer.write(content[place : place + 1])
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def reset_in_the_middle(writer: asyncio.StreamWriter) -> None:
    content = completion()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content[:40])
    await writer.drain()
    writer.transport.abort()


async def hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


MISDEEDS: dict[str, Callable[[asyncio.StreamWriter], object]] = {
    "drip": drip,
    "reset": reset,
    "reset in the middle": reset_in_the_middle,
    "hang": hang,
    "500": lambda writer: send(writer, b'{"error": {"message": "out of order"}}', 500),
    "503": lambda writer: send(writer, b"<html>busy</html>", 503),
    "429": lambda writer: send(
        writer, b'{"error": {"message": "slow down"}}', 429, {"Retry-After": "0.02"}
    ),
    "half": lambda writer: send(writer, completion()[:60]),
    "wrong": lambda writer: send(writer, b'{"choices": {"0": [1, 2]}, "usage": "none"}'),
    "empty": lambda writer: send(writer, b""),
    "long": lambda writer: send(writer, completion("x" * (10 << 20))),
    "nested": lambda writer: send(writer, b"[" * 200_000),
    "other model": lambda writer: send(writer, completion(model="made-up-2")),
}


def first(way: object):
    """Misbehave at the first attempt only."""
    return lambda name, attempt: way if attempt == 1 else "well"


def always(way: object):
    return lambda name, attempt: way


def drawn(seed: int, share: float, ways: tuple[str, ...] = WRONG) -> Callable[[str, int], str]:
    """Fail in a way drawn for each request, in this share of them."""
    draw = random.Random(seed)
    return lambda name, attempt: draw.choice(ways) if draw.random() < share else "well"


@contextmanager
def serving(behaves: Callable[[str, int], object]) -> Iterator[Unruly]:
    """The server, on a free port of this machine, in a thread of its own."""
    unruly, ready, done = Unruly(behaves), threading.Event(), asyncio.Event()
    loops = []

    async def run() -> None:
        server = await asyncio.start_server(
            unruly.serve, "127.0.0.1", 0, backlog=256, limit=1 << 22
        )
        unruly.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        loops.append(asyncio.get_running_loop())
        ready.set()
        await done.wait()
        server.close()

    # asyncio.run cancels what still hangs.
    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield unruly
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join()


def call(number: int, **more: object) -> Request:
    return Request(number, ({"role": "user", "content": f"call {number}"},), 10, tokens=100, **more)


def endpoint(url: str, **more: object) -> Endpoint:
    """An endpoint for tests: short pauses, one unit of money for each token; time enough for a
    server that answers.
    """
    return Endpoint(
        **{
            "url": url,
            "model": "m",
            "timeout": 60,
            "attempts": 3,
            "backoff": 0.01,
            "price_in": 1e6,
            "price_out": 1e6,
        }
        | more
    )


def heard(
    server: Unruly | None,
    count: int = 1,
    budget: Budget | None = None,
    expected: str | None = None,
    **more: object,
) -> list[Completion]:
    """The completions of so many requests."""
    where = endpoint(**({"url": server.url} if server else {}) | more)
    return flat(complete(where, map(call, range(count)), budget or Budget(), expected))


def flat(received: Iterable[list[Completion]]) -> list[Completion]:
    """All completions of a run."""
    return [completion for together in received for completion in together]
