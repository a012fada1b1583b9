"""HTTP client for endpoints: no proxy for local servers, limited response sizes, no compression.

Every request header is set here. Only proxy and certificate variables of the environment are used,
and none for local URLs.
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

from hone.errors import Refused
from hone.urls import at_home, checked, show_url

LONGEST_ANSWER = 2 << 20  # bytes; a response has a few kilobytes
LONGEST_ERROR = 64 << 10  # bytes of an error response that are read; the status is enough
LONGEST_CONNECT = 20.0  # seconds to connect, at most; a failed connection costs nothing


class Unreadable(httpx2.TransportError):
    """A response that was not read to its end. The message states why."""


# These errors mean that no part of the request was sent.
UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


class Capped(httpx2.AsyncByteStream):
    """A response body up to a maximum length.

    Args:
        body: the chunks as they arrive.
        most: maximum bytes.
        quiet: truncate longer bodies silently. Otherwise raise.
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
                raise Unreadable(f"the response exceeds {self.most >> 20} MB")
            yield part

    async def aclose(self) -> None:
        await self.body.aclose()


class Client(httpx2.AsyncClient):
    """A client that limits responses to `longest` bytes unless they are streamed, and refuses
    compressed ones.
    """

    def __init__(self, longest: int = LONGEST_ANSWER, **more: Any) -> None:
        super().__init__(**more)
        self.longest = longest

    async def send(
        self, request: httpx2.Request, *, stream: bool = False, **more: Any
    ) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        response = await super().send(request, stream=True, **more)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Unreadable("the response is compressed, which Hone did not request")
            failed = response.status_code >= 400
            if failed or not stream:
                response.stream = Capped(
                    response.stream, LONGEST_ERROR if failed else self.longest, quiet=failed
                )
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


class Waiting:
    """A blocking client. Every request has a deadline that includes headers and interim responses.

    Threads can share it. `close` closes its connections, and so does garbage collection.
    """

    def __init__(self, client: Client) -> None:
        self.client, self.loop = client, asyncio.new_event_loop()
        threading.Thread(
            target=serve, args=(self.loop, client), name="requests", daemon=True
        ).start()
        self.close = weakref.finalize(self, self.loop.call_soon_threadsafe, self.loop.stop)

    def run(self, work: Awaitable, seconds: float) -> Any:
        """Return the result of `work`.

        Raises:
            TimeoutError: not finished within this time.
        """

        async def bounded() -> Any:
            async with asyncio.timeout(seconds):
                return await work

        future = asyncio.run_coroutine_threadsafe(bounded(), self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # the caller was interrupted
            raise

    def request(self, method: str, url: str, seconds: float, **content: Any) -> httpx2.Response:
        """A complete response.

        Raises:
            TimeoutError: not finished within this time.
            httpx2.TransportError: the request failed.
        """
        return self.run(self.client.request(method, url, **content), seconds)

    @contextmanager
    def stream(
        self, url: str, seconds: float, whole: float
    ) -> Iterator[tuple[httpx2.Response, Iterator[bytes]]]:
        """A streamed response: its headers and the chunks of its body. An error response has no
        chunks.

        Args:
            url: the URL to GET.
            seconds: timeout for the headers and for each chunk.
            whole: timeout in seconds for the whole body.

        Raises:
            TimeoutError: one of these timeouts expired.
            httpx2.TransportError: the request failed.
        """
        until = time.monotonic() + whole
        response = self.run(
            self.client.send(self.client.build_request("GET", url), stream=True), seconds
        )
        body = response.aiter_bytes()

        async def following() -> bytes | None:
            return await anext(body, None)

        def parts() -> Iterator[bytes]:
            while (
                part := self.run(following(), min(seconds, until - time.monotonic()))
            ) is not None:
                yield part

        try:
            yield response, parts() if response.status_code < 400 else iter(())
        finally:
            self.run(response.aclose(), seconds)


def serve(loop: asyncio.AbstractEventLoop, client: Client) -> None:
    """Run a loop until it is stopped. Then cancel the pending tasks and close the connections."""

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
    """The URL of a path below a base URL.

    Raises:
        Refused: the base URL is invalid.
    """
    try:
        return httpx2.URL(f"{checked(url).rstrip('/')}/{path}")
    except httpx2.InvalidURL:
        raise Refused(
            f"'{show_url(url)}' is not an endpoint URL. Use one such as http://127.0.0.1:8080/v1"
        ) from None


def asynchronous(
    url: str, slots: int, timeout: float, secret: str | None, longest: int = LONGEST_ANSWER
) -> Client:
    """A client for concurrent calls to one URL. It never follows redirects, which could send the
    key elsewhere.

    Args:
        url: the endpoint.
        slots: maximum concurrent calls.
        timeout: seconds for each step of a call, such as a read.
        secret: the key. Null: no key is sent.
        longest: maximum bytes of a response.
    """
    return Client(
        longest,
        headers={"user-agent": "hone", "accept": "application/json"}
        | ({"authorization": f"Bearer {secret}"} if secret else {}),
        limits=httpx2.Limits(max_connections=slots + 1, max_keepalive_connections=slots + 1),
        timeout=httpx2.Timeout(timeout, connect=min(timeout, LONGEST_CONNECT)),
        trust_env=not at_home(url),
        follow_redirects=False,
    )
