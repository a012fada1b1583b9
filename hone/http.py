"""How bytes reach an endpoint: its own servers without a proxy, answers no longer than an answer can be, nothing compressed.

Every header of a request is written here. Of the environment only proxies and certificates count, and for addresses of this
machine nothing does.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from hone.addresses import at_home, checked, shown
from hone.errors import Refused

LONGEST_ANSWER = 2 << 20  # bytes; an answer is a few kilobytes
LONGEST_ERROR = 64 << 10  # bytes of an error that are read; the status says what matters
LONGEST_CONNECT = 20.0  # seconds until a connection stands, at most; what ends before that has cost nothing


class Unreadable(httpx2.TransportError):
    """An answer that is not read to its end; the message says why."""


# Nothing of these requests has been sent when they are raised.
UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol)


class Capped(httpx2.AsyncByteStream):
    """A body as far as it may be long.

    Args:
        body: as it arrives.
        most: bytes.
        quiet: end there as if that were all; otherwise refuse.
    """

    def __init__(self, body: Any, most: int, quiet: bool) -> None:
        self.body, self.most, self.quiet = body, most, quiet

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self.body:
            size += len(part)
            if size > self.most:
                if self.quiet:
                    return
                raise Unreadable(f"an answer of more than {self.most >> 20} MB")
            yield part

    async def aclose(self) -> None:
        await self.body.aclose()


class Client(httpx2.AsyncClient):
    """A client whose answers are as long as they look, through a proxy too, and no longer than `longest` unless they are streamed."""

    def __init__(self, longest: int = LONGEST_ANSWER, **more: Any) -> None:
        super().__init__(**more)
        self.longest = longest

    async def send(self, request: httpx2.Request, *, stream: bool = False, **more: Any) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        response = await super().send(request, stream=True, **more)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Unreadable("a compressed answer, which was not asked for")
            failed = response.status_code >= 400
            if failed or not stream:
                response.stream = Capped(response.stream, LONGEST_ERROR if failed else self.longest, quiet=failed)
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


class Waiting:
    """A client for callers that wait. Every request has an end in time, headers and interim answers included.

    Threads may share it. Its connections are closed by `close`, or when nobody holds it any more.
    """

    def __init__(self, client: Client) -> None:
        self.client, self.loop = client, asyncio.new_event_loop()
        threading.Thread(target=serve, args=(self.loop, client), name="requests", daemon=True).start()
        self.close = weakref.finalize(self, self.loop.call_soon_threadsafe, self.loop.stop)

    def run(self, work: Awaitable, seconds: float) -> Any:
        """What `work` gives.

        Raises:
            TimeoutError: not within so many seconds.
        """

        async def bounded() -> Any:
            async with asyncio.timeout(seconds):
                return await work

        future = asyncio.run_coroutine_threadsafe(bounded(), self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # who waits was interrupted
            raise

    def request(self, method: str, url: str, seconds: float, **content: Any) -> httpx2.Response:
        """A whole answer.

        Raises:
            TimeoutError: not within so many seconds.
            httpx2.TransportError: none can be had.
        """
        return self.run(self.client.request(method, url, **content), seconds)

    @contextmanager
    def stream(self, url: str, seconds: float, whole: float) -> Iterator[tuple[httpx2.Response, Iterator[bytes]]]:
        """An answer that may be long: its beginning, and the parts of its body, of which there are none where it is an error.

        Args:
            url: to GET.
            seconds: for its headers, and for each part.
            whole: seconds for all of it.

        Raises:
            TimeoutError: not within these.
            httpx2.TransportError: none can be had.
        """
        until = time.monotonic() + whole
        response = self.run(self.client.send(self.client.build_request("GET", url), stream=True), seconds)
        body = response.aiter_bytes()

        async def following() -> bytes | None:
            return await anext(body, None)

        def parts() -> Iterator[bytes]:
            while (part := self.run(following(), min(seconds, until - time.monotonic()))) is not None:
                yield part

        try:
            yield response, parts() if response.status_code < 400 else iter(())
        finally:
            self.run(response.aclose(), seconds)


def serve(loop: asyncio.AbstractEventLoop, client: Client) -> None:
    """Run a loop until it is stopped, then give up what is under way and close the connections."""

    async def end() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await client.aclose()

    loop.run_forever()
    loop.run_until_complete(end())
    loop.close()


def below(url: str, path: str) -> httpx2.URL:
    """The address of something below a base address.

    Raises:
        Refused: the base address is none.
    """
    try:
        return httpx2.URL(f"{checked(url).rstrip('/')}/{path}")
    except httpx2.InvalidURL:
        raise Refused(f"'{shown(url)}' is no address of an endpoint: write one such as http://127.0.0.1:8080/v1") from None


def asynchronous(url: str, slots: int, timeout: float, secret: str | None, longest: int = LONGEST_ANSWER) -> Client:
    """A client for many calls at once to one address; it follows no redirection, which could carry the key elsewhere.

    Args:
        url: where calls go.
        slots: calls at once.
        timeout: seconds for each step of a call, such as a read.
        secret: the key; null: none is sent.
        longest: bytes of an answer.
    """
    return Client(
        longest,
        headers={"user-agent": "hone", "accept": "application/json"} | ({"authorization": f"Bearer {secret}"} if secret else {}),
        limits=httpx2.Limits(max_connections=slots + 1, max_keepalive_connections=slots + 1),
        timeout=httpx2.Timeout(timeout, connect=min(timeout, LONGEST_CONNECT)),
        trust_env=not at_home(url),
        follow_redirects=False,
    )
