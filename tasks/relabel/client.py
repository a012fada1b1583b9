"""Calls to an OpenAI-compatible chat endpoint: as many at once as it bears, each answered or given up with a reason.

Every call ends in exactly one reply. What the endpoint cannot do now is tried again after a pause; what it will never do
(a wrong key, no such model) stops the whole work at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.errors import Refused
from tasks.relabel import said
from tasks.relabel.budget import Budget, Reservation
from tasks.relabel.faults import ITS_FAULT, kind
from tasks.relabel.habits import at_most, habits, tokens_of
from tasks.relabel.pace import Pace
from tasks.relabel.said import Tops
from tasks.stage import say

FAILURES_IN_A_ROW = 8  # calls given up one after the other, after which nothing more is asked
EVERY = 10.0  # seconds between two lines about how far the work is

Messages = tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Endpoint:
    """Where calls go.

    Attributes:
        url: the base address, ending in /v1 as a rule.
        model: as the endpoint calls it.
        key: name of the environment variable that holds the key; null: none is needed.
        slots: most calls at once; fewer while the endpoint is overloaded.
        timeout: seconds for a whole call, however slowly it drips.
        attempts: times that a call is tried.
        price_in, price_out: money per million tokens read and written.
        backoff: seconds before the second attempt; doubled for each further one, and drawn below that.
        known_as: under which name its habits are kept; null: its address, which a server of our own changes with each start.
    """

    url: str
    model: str
    key: str | None = None
    slots: int = 32
    timeout: float = 120.0
    attempts: int = 6
    price_in: float = 0.0
    price_out: float = 0.0
    backoff: float = 0.5
    known_as: str | None = None

    def price(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    def secret(self) -> str:
        """The key.

        Raises:
            Refused: the variable is not set, or holds what cannot be a key.
        """
        from tasks.transport import secret

        return secret(self.url, self.key)


@dataclass(frozen=True)
class Call:
    """One prompt. `tokens` estimates what it reads; `pairs` is how many pairs it asks about."""

    number: int
    messages: Messages
    max_tokens: int
    pairs: int = 1
    tokens: int = 0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What came of a call.

    Attributes:
        text: of the answer; null where there is none.
        tops: alternatives of the first token with their log-probabilities.
        model: as the endpoint reports it.
        cut: the answer was ended by max_tokens.
        fault: why there is no answer: its kind, and after a colon the details.
    """

    call: Call
    text: str | None = None
    tops: Tops | None = None
    model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    money: float = 0.0
    cut: bool = False
    fault: str | None = None


class Again(Exception):
    """The endpoint failed in a way that may pass.

    Attributes:
        fault: its kind and details.
        overloaded: it asked for fewer calls.
        wait: seconds it asked for; null: it did not say.
        free: this attempt cost nothing for certain. Otherwise all that was set aside counts as spent: a hard stop may not hope.
        at_once: the next attempt needs no pause.
    """

    def __init__(self, fault: str, overloaded: bool = False, wait: float | None = None, free: bool = False, at_once: bool = False) -> None:
        super().__init__(fault)
        self.fault, self.overloaded, self.wait, self.free, self.at_once = fault, overloaded, wait, free, at_once


def ask_all(
    endpoint: Endpoint, calls: Iterable[Call], budget: Budget, on_reply: Callable[[Reply], None], expected_model: str | None = None
) -> None:
    """Make all calls.

    Args:
        endpoint: where they go.
        calls: taken one by one, as they can be made.
        budget: reserved before each attempt; once it is used up the rest is answered "over budget" without being made.
        on_reply: called once for every call, in this thread, in the order of arrival.
        expected_model: the name that answers must carry; null: the first one's.

    Raises:
        Refused: no such key or address, or the endpoint does not let us in, or has no such model. Answers that were there by
            then have been handed on; calls under way are given up.
    """
    from tasks.transport import checked

    checked(endpoint.url)
    secret = endpoint.secret()
    asyncio.run(Caller(endpoint, secret, budget, on_reply, expected_model).make(iter(calls)))


class Caller:
    """One run of calls to one endpoint."""

    def __init__(self, endpoint: Endpoint, secret: str, budget: Budget, on_reply: Callable[[Reply], None], expected: str | None) -> None:
        from tasks.transport import shown

        self.endpoint, self.secret, self.budget, self.on_reply, self.expected = endpoint, secret, budget, on_reply, expected
        self.where = shown(endpoint.url)
        self.habits = habits(endpoint)
        self.pace = Pace(self.habits.load_of(endpoint.slots))
        self.held = 0
        self.settled = asyncio.Condition()
        self.in_turn = asyncio.Lock()
        self.replies, self.began, self.told = 0, time.monotonic(), time.monotonic()

    async def make(self, calls: Iterator[Call]) -> None:
        from openai import AsyncOpenAI

        from tasks.transport import asynchronous

        running: set[asyncio.Task] = set()
        arrived: asyncio.Queue[asyncio.Task] = asyncio.Queue()

        def ended(task: asyncio.Task) -> None:
            running.discard(task)
            arrived.put_nowait(task)

        async with AsyncOpenAI(
            base_url=self.endpoint.url, api_key=self.secret, max_retries=0, timeout=self.endpoint.timeout,
            http_client=asynchronous(self.endpoint.url, self.endpoint.slots, self.endpoint.timeout),
        ) as self.client:  # fmt: skip
            try:
                more = True
                while more or running or not arrived.empty():
                    # A free slot is filled before the reply that left it is handed on: keeping an answer takes its time.
                    while more and len(running) < self.pace.slots and arrived.qsize() <= self.endpoint.slots:
                        call = next(calls, None)
                        more = call is not None
                        if more:
                            task = asyncio.create_task(self.tried(call))
                            running.add(task)
                            task.add_done_callback(ended)
                    if running or not arrived.empty():
                        await asyncio.sleep(0)
                        self.take(await arrived.get(), arrived)
            finally:
                left = list(running)
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)

    def take(self, task: asyncio.Task, arrived: asyncio.Queue[asyncio.Task]) -> None:
        """Hand on a reply; where there is none, hand on all others that have arrived and raise what is not to be borne."""
        if (failure := task.exception()) is None:
            self.hand_on(task.result())
            return
        while not arrived.empty():
            other = arrived.get_nowait()
            if other.exception() is None:
                self.hand_on(other.result())
        raise failure

    def hand_on(self, reply: Reply) -> None:
        """Hand one reply on, and count failures in a row."""
        habits = self.habits
        habits.failures = habits.failures + 1 if kind(reply.fault or "") in ITS_FAULT else 0 if not reply.fault else habits.failures
        if habits.failures >= FAILURES_IN_A_ROW and not habits.stopped:
            habits.stopped = f"stopped: {habits.failures} calls in a row failed, the last one: {reply.fault}"
            say(f"{self.endpoint.model} at {self.where}: {habits.stopped}")
        self.replies += 1
        if (now := time.monotonic()) - self.told >= EVERY:
            self.told = now
            say(f"{self.endpoint.model}: {self.replies:,} calls, {self.replies / (now - self.began):.1f}/s")
        self.on_reply(reply)

    async def tried(self, call: Call) -> Reply:
        """A call with its attempts."""
        fault, pairs, began = "", call.pairs, time.monotonic()
        for attempt in range(self.endpoint.attempts):
            if self.habits.stopped:
                fault = fault or self.habits.stopped
                break
            try:
                async with self.pace.turn():
                    reservation = await self.reserved(call, pairs)
                    if reservation is None:
                        fault = f"over budget: {self.budget.over}"
                        break
                    pairs = 0
                    return await self.paid(call, reservation)
            except Again as again:
                fault = again.fault
                if attempt + 1 < self.endpoint.attempts and not again.at_once:
                    await asyncio.sleep(random.uniform(0, self.endpoint.backoff * 2**attempt))
        return Reply(call, fault=fault, seconds=time.monotonic() - began)

    async def reserved(self, call: Call, pairs: int) -> Reservation | None:
        """The most that an attempt can cost, set aside; null where that is more than is left once those under way have ended."""
        most = (pairs, *at_most(call, self.endpoint))
        async with self.in_turn, self.settled:
            await self.settled.wait_for(lambda: not self.held or not self.budget.waits(*most))
            reservation = self.budget.reserve(*most)
            self.held += reservation is not None
            return reservation

    async def paid(self, call: Call, reservation: Reservation) -> Reply:
        """One attempt, its cost settled whatever happens."""
        tokens, money, pairs = reservation.tokens, reservation.money, reservation.pairs
        began = time.monotonic()
        try:
            reply = await self.once(call)
            tokens, money = reply.tokens_in + reply.tokens_out, reply.money
            if (reply.fault or "").startswith("broken"):
                pairs = 0  # it was never put to the model
            elif reply.tokens_in:
                self.habits.heard_of(call, reply.tokens_in)
            self.pace.load.well()
            return reply
        except Again as again:
            if again.free:
                tokens, money = 0, 0.0
            if again.overloaded:
                self.pace.load.overloaded(began, again.wait)
            raise
        except Refused:
            tokens, money, pairs = 0, 0.0, 0
            raise
        finally:
            self.budget.settle(reservation, tokens, money, pairs)
            self.held -= 1
            async with self.settled:
                self.settled.notify_all()

    async def once(self, call: Call) -> Reply:
        """One attempt.

        Raises:
            Again: it may go better next time.
            Refused: it never will, for no call.
        """
        import httpx2
        import openai

        began, room = time.monotonic(), self.habits.room
        given = {"model": self.endpoint.model, "messages": call.messages, room: call.max_tokens, **call.options}
        try:
            async with asyncio.timeout(self.endpoint.timeout):
                # Not chat.completions.create, which walks through every message by its type: a seventh of a call's processor time.
                response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=given)
        except (TimeoutError, openai.APITimeoutError):
            raise Again(f"timed out: no whole answer within {self.endpoint.timeout:g} s", overloaded=True) from None
        except openai.APIStatusError as error:
            return self.status(call, error, room, time.monotonic() - began)
        except openai.APIConnectionError as error:
            raise unreached(error.__cause__ or error, self.where) from None
        return self.read_reply(call, response.content, time.monotonic() - began)

    def status(self, call: Call, error: Any, room: str, seconds: float) -> Reply:
        """What an HTTP status means: a fault of this call, something that passes, or the end of the work."""
        code = error.status_code
        told, low = said.of_error(error.body or error.message, self.secret)
        if code in (401, 403):
            raise shut_out(self.endpoint, self.where, code, told)
        if code == 404:
            raise Refused(
                f"{self.where} has no /chat/completions or no model '{self.endpoint.model}' (404): {told}. "
                "The address ends in /v1 as a rule; GET /v1/models lists models."
            )
        if code in (429, 503):
            wait = said.pause(error.response.headers.get("retry-after"))
            raise Again(f"unreachable: overloaded ({code}): {told}", overloaded=True, wait=wait, free=True)
        if said.passes(code):
            raise Again(f"unreachable: status {code}: {told}", free=True)
        if "max_completion_tokens" in low and room == "max_tokens":
            self.habits.room = "max_completion_tokens"
            raise Again(f"broken: {told}", free=True, at_once=True)
        return Reply(call, fault=said.for_good(code, told, low), seconds=seconds)

    def read_reply(self, call: Call, raw: bytes, seconds: float) -> Reply:
        """An answer as a reply."""
        try:
            read = said.completion(raw, self.secret)
        except said.NotOne as error:
            raise Again(f"broken: {error}") from None
        reply = reply_of(call, read, self.endpoint, seconds)
        if reply.fault is None:
            self.expected = self.expected or reply.model
        return held_to(reply, self.expected)


def shut_out(endpoint: Endpoint, where: str, code: int, told: str) -> Refused:
    """The refusal of a key."""
    key = f"the environment variable {endpoint.key}" if endpoint.key else "no key was sent: name a variable as `key`"
    return Refused(f"{where} does not let us in ({code}): {told}. Check {key}.")


def unreached(cause: BaseException, where: str) -> Again:
    """What a broken connection means."""
    import httpx2

    from tasks.transport import Unreadable

    if isinstance(cause, Unreadable):
        return Again(f"broken: {cause}")
    return Again(f"unreachable: {type(cause).__name__} at {where}", free=isinstance(cause, httpx2.ConnectError))


def reply_of(call: Call, read: said.Said, endpoint: Endpoint, seconds: float) -> Reply:
    """An answer that was read, as the reply to a call; what the endpoint does not count is estimated."""
    tokens_in = tokens_of(call) if read.tokens_in is None else read.tokens_in
    tokens_out = len((read.text or "").encode()) // 4 + 1 if read.tokens_out is None else read.tokens_out
    return Reply(
        call, read.text, read.tops, read.model, tokens_in, tokens_out, seconds, endpoint.price(tokens_in, tokens_out), read.cut, read.fault
    )


def held_to(reply: Reply, expected: str | None) -> Reply:
    """The reply, or a fault where another model gave it."""
    if reply.fault or not reply.model or not expected or reply.model == expected:
        return reply
    fault = f"another model: {reply.model} answered instead of {expected}"
    return replace(reply, text=None, tops=None, fault=fault)
