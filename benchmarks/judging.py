"""Judging runs at the speed of the endpoint: a separate server process with 200 ms per response
and 32 concurrent calls.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.clock import timed

SLOTS, SECONDS, CALLS = 32, 0.2, 1600
IDEAL = CALLS * SECONDS / SLOTS
WANTED = "at least 90 % of 160 calls a second"
TOPS = [
    {"token": "yes", "logprob": -0.1, "bytes": None},
    {"token": "no", "logprob": -2.4, "bytes": None},
]
CHOICE = {
    "index": 0,
    "finish_reason": "stop",
    "message": {"role": "assistant", "content": "yes"},
    "logprobs": {"content": [TOPS[0] | {"top_logprobs": TOPS}]},
}
ANSWER = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "made-up-1",
        "choices": [CHOICE],
        "usage": {"prompt_tokens": 400, "completion_tokens": 1, "total_tokens": 401},
    }
).encode()
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
    + ANSWER
)


class Slow(asyncio.Protocol):
    """Handle a connection: each request is answered after a delay, and requests beyond the slots
    wait.
    """

    free = asyncio.Semaphore(SLOTS)

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.heard = transport, b""

    def data_received(self, data: bytes) -> None:
        self.heard += data
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if found and len(body) >= int(
            head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        ):
            self.heard = b""
            self.task = asyncio.ensure_future(self.answer())

    async def answer(self) -> None:
        async with self.free:
            await asyncio.sleep(SECONDS)
        self.transport.write(RESPONSE)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Slow, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Iterator[str]:
    """The server's address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.judging", "serve"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def main() -> None:
    from hone.llm.completion import Endpoint

    with serving() as url, tempfile.TemporaryDirectory() as home:
        os.environ["HONE_HOME"] = home
        where = Endpoint(url=url, model="m", slots=SLOTS)
        by_client(where, SLOTS)  # loads the libraries
        print_rate("calls", timed(lambda: by_client(where, CALLS))[0])
        by_ledger(where, SLOTS, "warm")
        print_rate(
            "questions with prompt and judgment log",
            timed(lambda: by_ledger(where, CALLS, "cold"))[0],
        )


def print_rate(what: str, seconds: float) -> None:
    """One line: the rate, and its fraction of the server's maximum."""
    print(
        f"{CALLS:,} {what}: {seconds:.1f} s, {CALLS / seconds:.0f} per second, "
        f"{IDEAL / seconds:.0%} (target: {WANTED})",
        flush=True,
    )


def by_client(where, count: int) -> None:
    """Calls alone."""
    from hone.llm.budget import Budget
    from hone.llm.client import complete
    from hone.llm.completion import Request

    prompt = ({"role": "user", "content": "Is this an answer? " * 100},)
    calls = (
        Request(number, prompt, 1, tokens=400, options={"logprobs": True, "top_logprobs": 10})
        for number in range(count)
    )
    faults = [
        completion.fault
        for received in complete(where, calls, Budget(money=1e9))
        for completion in received
    ]
    assert faults == [None] * count


def by_ledger(where, count: int, name: str) -> None:
    """End to end: prompts, claims, calls, and a committed response each."""
    import polars as pl

    from hone.data.questions import of
    from hone.judging.ask import Asking, ask
    from hone.judging.context import Desk
    from hone.judging.prompt import load
    from hone.llm.budget import Budget
    from hone.llm.ledger.ledger import Ledger

    queries, each = count // 16, 16
    pairs = pl.DataFrame(
        {
            "query_id": [f"q{number}" for number in range(queries) for _ in range(each)],
            "doc_id": [f"d{number}" for number in range(queries * each)],
            "rank": [rank for _ in range(queries) for rank in range(1, each + 1)],
        },
        schema_overrides={"rank": pl.Int32},
    )
    known = pl.DataFrame(
        {
            "query_id": [f"q{number}" for number in range(queries)],
            "doc_id": [f"p{number}" for number in range(queries)],
        }
    )
    texts = pl.DataFrame({"doc_id": [*pairs["doc_id"], *known["doc_id"]]}).with_columns(
        full_text=name + pl.col("doc_id") + " words" * 150
    )
    pair_questions = of(pairs, known, known.select("query_id", text="query_id"), texts)
    desk = Desk(Ledger(), "bench", 13, "r1", Budget(money=1e9))
    answers = ask(pair_questions, desk, "judge", where, load("yes-no"), Asking())
    assert answers["verdict"].cast(pl.String).to_list() == ["positive"] * count


if __name__ == "__main__":
    asyncio.run(serve())
