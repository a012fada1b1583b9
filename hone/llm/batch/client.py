"""Client for a vendor's batch endpoint (OpenAI protocol): requests are uploaded as a file,
completions are files within a day.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hone.errors import Refused
from hone.llm import chat_completion
from hone.llm.batch.jobs import Submitted
from hone.llm.client import JSON, encode
from hone.llm.completion import Again, Endpoint
from hone.llm.retry_policy import OVERLOADED, connection_failure, is_temporary, pause, rejected_key
from hone.urls import show_url

WINDOW = "24h"  # the protocol has no other
CHAT = "/v1/chat/completions"
OURS = "hone"  # metadata key of our batch name
FILE_SECONDS = 3600.0  # maximum time to download an output file
SLOWEST = 50_000.0  # minimum upload speed in bytes per second [Hone default]
A_PAGE, PAGES = 100, 2000  # batches per page, and maximum number of pages of a vendor's list
EARLIER = 3600  # maximum difference between a vendor's clocks, in seconds


class NotFound(Exception):
    """The vendor does not have it, or no longer has it."""


class TurnedDown(Exception):
    """The vendor rejects the request; the message is a fault."""


class Vendor:
    """HTTP requests about batches, each with several attempts.

    Args:
        endpoint: the vendor's endpoint.
        secret: the key.
    """

    def __init__(self, endpoint: Endpoint, secret: str | None) -> None:
        from hone.http import Waiting, asynchronous

        self.endpoint, self.secret, self.where = endpoint, secret, show_url(endpoint.url)
        self.client = Waiting(asynchronous(endpoint.url, 1, endpoint.timeout, secret))

    def close(self) -> None:
        self.client.close()

    def upload(self, path: Path) -> tuple[str, float | None]:
        """Upload a file of requests. Returns the vendor's file id and the time by the vendor's
        clock; null if not reported.

        Raises:
            Again, TurnedDown: the upload failed; nothing has been paid.
        """

        seconds = self.endpoint.timeout + path.stat().st_size / SLOWEST

        def once() -> dict:
            with path.open("rb") as file:
                return self.request_json(
                    "POST",
                    "files",
                    seconds,
                    files={"file": (path.name, file)},
                    data={"purpose": "batch"},
                )

        with self.must_exist("files"):
            file = self.tried(lambda: self.named(once))
        created = file.get("created_at")
        return file["id"], float(created) if isinstance(created, int | float) else None

    def create(self, new: Submitted) -> str:
        """Submit an uploaded file, once. If the outcome of a request is unknown, the vendor's list
        is searched first.

        Raises:
            Again: it may not have been submitted; `free`: it certainly was not.
            TurnedDown: the vendor rejects it.
        """
        given = {
            "input_file_id": new.file,
            "endpoint": CHAT,
            "completion_window": WINDOW,
            "metadata": {OURS: new.name},
        }
        doubtful = False

        def once() -> dict:
            nonlocal doubtful
            if doubtful and (found := self.find(new)):
                return {"id": found}
            try:
                return self.named(
                    lambda: self.request_json(
                        "POST", "batches", content=encode(given), headers=JSON
                    )
                )
            except Again as again:
                doubtful = doubtful or not again.free
                raise

        with self.must_exist("batches"):
            try:
                return self.tried(once)["id"]
            except Again as again:
                again.free = not doubtful
                raise

    def find(self, one: Submitted) -> str | None:
        """The vendor's id of one of our batches, found by metadata or file; null if there is none.

        Raises:
            Again: the list does not end, so our batch may still be in it. It must not be submitted
                a second time.
        """
        after: dict[str, str] = {}
        for _ in range(PAGES):
            with self.must_exist("batches"):
                page = self.tried(
                    lambda after=after: self.request_json(
                        "GET", "batches", params={"limit": A_PAGE, **after}
                    )
                )
            batches = [
                batch
                for batch in page.get("data") or []
                if isinstance(batch, dict) and isinstance(batch.get("id"), str)
            ]
            for batch in batches:
                metadata = batch.get("metadata")
                if batch.get("input_file_id") == one.file or (
                    isinstance(metadata, dict) and metadata.get(OURS) == one.name
                ):
                    return batch["id"]
            # The newest come first. Our batch is newer than its file by the vendor's clock,
            # whatever the local time.
            if (
                not batches
                or not page.get("has_more")
                or (one.uploaded is not None and older(batches[-1], one.uploaded - EARLIER))
            ):
                return None
            if after == (after := {"after": batches[-1]["id"]}):
                break
        raise Again(f"broken: the list of batches of {self.where} does not end")

    def look(self, batch: str) -> dict:
        """The status of a batch, from one request.

        Raises:
            Again, NotFound, TurnedDown.
        """
        return self.faults(lambda: self.request_json("GET", f"batches/{quote(batch, safe='')}"))

    def lines(self, file: str) -> Iterator[dict]:
        """Lines of an output file; invalid lines are skipped. Memory does not grow with the file.

        Raises:
            Again: the download broke off.
            NotFound, TurnedDown.
        """
        from hone.http import LONGEST_ANSWER, below

        def parts() -> Iterator[bytes]:
            address = below(self.endpoint.url, f"files/{quote(file, safe='')}/content")
            with self.client.stream(address, self.endpoint.timeout, FILE_SECONDS) as (
                response,
                body,
            ):
                self.accepted(response)
                yield from body

        rest, longer = b"", False
        with closing(parts()) as stream:
            while (part := self.faults(lambda: next(stream, None))) is not None:
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    if not longer and (answer := object_of(line)) is not None:
                        yield answer
                    longer = False
                if len(rest) > LONGEST_ANSWER:
                    rest, longer = b"", True
        if not longer and (answer := object_of(rest)) is not None:
            yield answer

    def tried(self, once: Callable[[], dict]) -> dict:
        """The outcome of a request, after as many attempts as it needs or as are allowed."""
        for attempt in range(self.endpoint.attempts):
            try:
                return self.faults(once)
            except Again as again:
                if attempt + 1 == self.endpoint.attempts:
                    raise
                time.sleep(
                    max(again.wait or 0.0, random.uniform(0, self.endpoint.backoff * 2**attempt))
                )
        raise AssertionError("an endpoint has at least one attempt")

    def faults(self, once: Callable[[], Any]) -> Any:
        """The outcome of one request; the HTTP client's errors are converted."""
        import httpx2

        try:
            return once()
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout):
            raise Again(f"timed out: {self.where} gave no whole answer about a batch") from None
        except httpx2.TransportError as error:
            raise connection_failure(error, self.where) from None

    def request_json(
        self, method: str, path: str, seconds: float | None = None, **content: Any
    ) -> dict:
        """The JSON object in the response to a request."""
        from hone.http import below

        response = self.client.request(
            method, below(self.endpoint.url, path), seconds or self.endpoint.timeout, **content
        )
        self.accepted(response)
        if (answer := object_of(response.content)) is None:
            start = chat_completion.beginning(
                response.content.decode(errors="replace"), self.secret
            )
            raise Again(f"broken: no answer about a batch but {start!r}")
        return answer

    def accepted(self, response: Any) -> None:
        """Raises the error that a status means, unless it is a success."""
        if response.is_success:
            return
        code = response.status_code
        message, low = chat_completion.of_error(
            chat_completion.body_of(response.content), self.secret
        )
        if code in (401, 403):
            raise rejected_key(self.endpoint, code, message)
        if code == 404:
            raise NotFound(message)
        if is_temporary(code):
            wait = pause(response.headers.get("retry-after"))
            raise Again(
                f"unreachable: status {code}: {message}", wait=wait, free=code in OVERLOADED
            )
        raise TurnedDown(chat_completion.for_good(code, message, low))

    def named(self, once: Callable[[], dict]) -> dict:
        """The result of `once`, which must have an id."""
        answer = self.faults(once)
        if not isinstance(answer.get("id"), str) or not answer["id"]:
            raise Again("broken: the vendor gave a batch or its file no id")
        return answer

    @contextmanager
    def must_exist(self, place: str) -> Iterator[None]:
        try:
            yield
        except NotFound as error:
            raise Refused(
                f"{self.where} has no /{place} (404): {error}. If this endpoint has no batches, "
                "omit `batch` to send single calls."
            ) from None


def object_of(raw: bytes) -> dict | None:
    """A JSON object; null if it is not one."""
    try:
        read = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def older(batch: dict, than: float) -> bool:
    created = batch.get("created_at")
    return isinstance(created, int | float) and created < than
