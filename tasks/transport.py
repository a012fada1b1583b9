"""How bytes reach an endpoint: its own servers without a proxy, answers no longer than an answer can be, nothing compressed."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tasks.errors import Refused

LONGEST_ANSWER = 2 << 20  # bytes; an answer is a few kilobytes
LONGEST_ERROR = 64 << 10  # bytes of an error that are read; the status says what matters


class Unreadable(httpx2.TransportError):
    """An answer that is not read to its end; the message says why."""


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
    """A client whose answers have an end and are as long as they look, through a proxy too."""

    async def send(self, request: httpx2.Request, *, stream: bool = False, **more: Any) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        response = await super().send(request, stream=True, **more)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Unreadable("a compressed answer, which was not asked for")
            failed = response.status_code >= 400
            response.stream = Capped(response.stream, LONGEST_ERROR if failed else LONGEST_ANSWER, quiet=failed)
            if not stream:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


class Timed(httpx2.SyncByteStream):
    """A body that is all there by a certain time, however it drips.

    Args:
        body: as it arrives.
        until: by `time.monotonic`.
        most: bytes; null: any number.
        quiet: end at `most` as if that were all; otherwise refuse.
    """

    def __init__(self, body: Any, until: float, most: int | None, quiet: bool) -> None:
        self.body, self.until, self.most, self.quiet = body, until, most, quiet

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self.body:
            size += len(part)
            if self.most is not None and size > self.most:
                if self.quiet:
                    return
                raise Unreadable(f"an answer of more than {self.most >> 20} MB")
            if time.monotonic() > self.until:
                raise httpx2.ReadTimeout("the answer drips")
            yield part

    def close(self) -> None:
        self.body.close()


class OneAtATime(httpx2.Client):
    """A client whose answers have an end in time; those that are asked for as a stream may be long.

    A call waits for its answer. Threads may share a client: nothing of a request is kept in it.

    Args:
        seconds: for a whole answer.
        of_file: seconds for one that is a stream.
        longest: bytes of an answer that is none.
    """

    def __init__(self, seconds: float, of_file: float, longest: int = LONGEST_ANSWER, **more: Any) -> None:
        super().__init__(timeout=seconds, **more)
        self.seconds, self.of_file, self.longest = seconds, of_file, longest

    def send(self, request: httpx2.Request, *, stream: bool = False, **more: Any) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        began = time.monotonic()
        response = super().send(request, stream=True, **more)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Unreadable("a compressed answer, which was not asked for")
            failed = response.status_code >= 400
            most = LONGEST_ERROR if failed else None if stream else self.longest
            until = began + (self.of_file if stream else self.seconds)
            response.stream = Timed(response.stream, until, most, quiet=failed)
            if not stream:
                response.read()
        except BaseException:
            response.close()
            raise
        return response


def at_home(url: str) -> bool:
    """Whether an address is of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown(url: str) -> str:
    """An address without name, password and query, as it may stand in an error."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def checked(url: str) -> str:
    """The address itself.

    Raises:
        Refused: it is none of http or https.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine:
        raise Refused(f"'{shown_or_nothing(url)}' is no address of an endpoint: write one such as http://127.0.0.1:8080/v1")
    return url


def public(url: str) -> str:
    """The address itself, which may be kept and shown as it is.

    Raises:
        Refused: it is none of http or https, or has a name, a password, a query or a fragment in it.
    """
    parts = urlsplit(checked(url))
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise Refused(
            f"the address {shown(url)} is written with a name, a password, a query or a fragment, and addresses are kept in files: "
            "leave them out; a key is named by `key`, the environment variable that holds it."
        )
    return url


def shown_or_nothing(url: str) -> str:
    try:
        return shown(url)
    except ValueError:
        return "the url"


def secret(url: str, key: str | None) -> str:
    """The key of an address, from the environment variable `key`; "none" where it wants none.

    Raises:
        Refused: the variable is not set, or holds what cannot be a key.
    """
    if key is None:
        return "none"
    value = os.environ.get(key)
    where = f"the key of {shown(url)} is to be in the environment variable {key}"
    if not value:
        raise Refused(f"{where}, which is not set: export {key}=...")
    if not all("!" <= letter <= "~" for letter in value):
        raise Refused(f"{where}, which holds a blank, a line break or a letter that no key has: set it again.")
    return value


def asynchronous(url: str, slots: int, timeout: float) -> Client:
    """A client for many calls at once to one address; it follows no redirection, which could carry the key elsewhere."""
    limits = httpx2.Limits(max_connections=slots + 1, max_keepalive_connections=slots + 1)
    return Client(trust_env=not at_home(url), limits=limits, timeout=timeout, follow_redirects=False)


def synchronous(url: str, timeout: float, of_file: float, slots: int = 1, longest: int = LONGEST_ANSWER) -> OneAtATime:
    """A client for one request at a time in each of `slots` threads, some of whose answers are files and may be long."""
    limits = httpx2.Limits(max_connections=slots + 1, max_keepalive_connections=slots + 1)
    return OneAtATime(timeout, of_file, longest, limits=limits, trust_env=not at_home(url), follow_redirects=False)
