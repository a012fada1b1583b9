"""Calls to an OpenAI-compatible chat endpoint: as many at once as it bears, each answered or given up with a reason.

Every call ends in exactly one reply. What the endpoint cannot do now is tried again after a pause; what it will never do
(a wrong key, no such model) stops the whole work at once.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hone.addresses import public, secret, shown
from hone.data.unknown_reasons import TAKEN_OVER
from hone.errors import Refused
from hone.llm import chat_completion
from hone.llm.budget import Budget, Reservation
from hone.llm.chat_completion import Tops
from hone.llm.endpoint_state import ROOM, at_most, habits, tokens_of
from hone.llm.rate_limit import Pace
from hone.stage import say

JSON = {"content-type": "application/json"}
EVERY = 10.0  # seconds between two lines about how far the work is

Messages = tuple[dict[str, str], ...]
Expected = str | Collection[str] | None


@dataclass(frozen=True)
class Endpoint:
    """Where calls go.

    Attributes:
        url: the base address, ending in /v1 as a rule.
        model: as the endpoint calls it.
        key: name of the environment variable that holds the key; null: none is needed.
        plain_http: the key may be sent to another machine without encryption.
        reported: model names that answers may carry in turn.
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
    plain_http: bool = False
    reported: tuple[str, ...] = ()

    def price(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    def secret(self) -> str | None:
        """The key; null where none is needed.

        Raises:
            Refused: the variable is not set, or holds what cannot be a key, or the key would be sent without encryption.
        """
        return secret(self.url, self.key, self.plain_http)


@dataclass(frozen=True)
class Call:
    """One prompt. `tokens` estimates what it reads; `pairs` is how many pairs it asks about.

    `may_ask` is looked at before each attempt: once it is false, another process asks this, and it must not be paid twice.
    """

    number: int
    messages: Messages
    max_tokens: int
    pairs: int = 1
    tokens: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    may_ask: Callable[[], bool] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Reply:
    """What came of a call.

    Attributes:
        text: of the answer; null where there is none.
        tops: alternatives of the first token with their log-probabilities.
        model: as the endpoint reports it.
        system: the fingerprint of its configuration, as the endpoint reports it.
        without: options of the call that the endpoint refuses and was not sent.
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
    system: str | None = None
    without: tuple[str, ...] = ()

    @property
    def details(self) -> str | None:
        """What is kept beside an answer, as JSON: the configuration that gave it, and options that were not sent; null: nothing."""
        found = {"system_fingerprint": self.system, "without": list(self.without)}
        told = {name: value for name, value in found.items() if value}
        return json.dumps(told, sort_keys=True) if told else None


class Again(Exception):
    """The endpoint failed in a way that may pass.

    Attributes:
        fault: its kind and details.
        overloaded: it asked for fewer calls.
        wait: seconds it asked for; null: it did not say.
        free: this attempt cost nothing for certain: it was turned away, or nothing was sent. Otherwise all that was set aside counts
            as spent: a hard stop may not hope.
        at_once: the next attempt needs no pause.
    """

    def __init__(self, fault: str, overloaded: bool = False, wait: float | None = None, free: bool = False, at_once: bool = False) -> None:
        super().__init__(fault)
        self.fault, self.overloaded, self.wait, self.free, self.at_once = fault, overloaded, wait, free, at_once


def ask_all(
    endpoint: Endpoint, calls: Iterable[Call], budget: Budget, on_reply: Callable[[Reply], None], expected_model: Expected = None
) -> None:
    """Make all calls.

    Args:
        endpoint: where they go.
        calls: taken one by one, as they can be made.
        budget: reserved before each attempt; once it is used up the rest is answered "over budget" without being made.
        on_reply: called once for every call, in this thread, in the order of arrival.
        expected_model: the name, or one of the names, that answers must carry; null: the first one's.

    Raises:
        Refused: no such key or address, or the endpoint does not let us in, has no such model, or answers as two models in turn.
            Answers that were there by then have been handed on; calls under way are given up.
    """
    public(endpoint.url)
    key = endpoint.secret()
    asyncio.run(Caller(endpoint, key, budget, on_reply, expected_model).make(iter(calls)))


class Caller:
    """One run of calls to one endpoint."""

    def __init__(
        self, endpoint: Endpoint, secret: str | None, budget: Budget, on_reply: Callable[[Reply], None], expected: Expected
    ) -> None:
        self.endpoint, self.secret, self.budget, self.on_reply, self.expected = endpoint, secret, budget, on_reply, expected
        self.where = shown(endpoint.url)
        self.habits = habits(endpoint)
        self.pace = Pace(self.habits.load_of(endpoint.slots))
        self.held = 0
        self.settled = asyncio.Condition()
        self.in_turn = asyncio.Lock()
        self.replies, self.began, self.told = 0, time.monotonic(), time.monotonic()

    async def make(self, calls: Iterator[Call]) -> None:
        from hone.http import asynchronous, below

        running: set[asyncio.Task] = set()
        arrived: asyncio.Queue[asyncio.Task] = asyncio.Queue()

        def ended(task: asyncio.Task) -> None:
            running.discard(task)
            arrived.put_nowait(task)

        self.address = below(self.endpoint.url, "chat/completions")
        async with asynchronous(self.endpoint.url, self.endpoint.slots, self.endpoint.timeout, self.secret) as self.client:
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
        if stopped := self.habits.take(reply):
            say(f"{self.endpoint.model} at {self.where}: {stopped}")
        self.replies += 1
        if (now := time.monotonic()) - self.told >= EVERY:
            self.told = now
            say(f"{self.endpoint.model}: {self.replies:,} calls, {self.replies / (now - self.began):.1f}/s")
        self.on_reply(reply)

    async def tried(self, call: Call) -> Reply:
        """A call with its attempts."""
        fault, pairs, began, attempt = "", call.pairs, time.monotonic(), 0
        while attempt < self.endpoint.attempts:
            if self.habits.stopped:
                fault = fault or self.habits.stopped
                break
            try:
                async with self.pace.turn():
                    if call.may_ask is not None and not call.may_ask():
                        fault = f"{TAKEN_OVER}: another process asks this now"
                        break
                    reservation = await self.reserved(call, pairs)
                    if reservation is None:
                        fault = f"over budget: {self.budget.over}"
                        break
                    pairs = 0
                    return await self.paid(call, reservation)
            except Again as again:
                fault = again.fault
                if again.at_once:
                    continue  # each time without a part of the request that it had, so that there is an end
                attempt += 1
                if attempt < self.endpoint.attempts:
                    await asyncio.sleep(random.uniform(0, self.endpoint.backoff * 2 ** (attempt - 1)))
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

        began, given = time.monotonic(), self.habits.body(call, self.endpoint.model)
        try:
            async with asyncio.timeout(self.endpoint.timeout):
                response = await self.client.post(self.address, content=body_of(given), headers=JSON)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout):
            raise Again(f"timed out: no whole answer within {self.endpoint.timeout:g} s", overloaded=True) from None
        except httpx2.TransportError as error:
            raise unreached(error, self.where) from None
        if not response.is_success:
            return self.status(call, response, given, time.monotonic() - began)
        return self.read_reply(call, response.content, time.monotonic() - began)

    def status(self, call: Call, response: Any, given: dict[str, Any], seconds: float) -> Reply:
        """What an HTTP status means: a fault of this call, something that passes, or the end of the work."""
        code = response.status_code
        body = chat_completion.body_of(response.content)
        told, low = chat_completion.of_error(body, self.secret)
        if code in (401, 403):
            raise shut_out(self.endpoint, self.where, code, told)
        if code == 404:
            raise Refused(
                f"{self.where} has no /chat/completions or no model '{self.endpoint.model}' (404): {told}. "
                "The address ends in /v1 as a rule; GET /v1/models lists models."
            )
        if code in chat_completion.OVERLOADED:
            wait = chat_completion.pause(response.headers.get("retry-after"))
            raise Again(f"unreachable: overloaded ({code}): {told}", overloaded=True, wait=wait, free=True)
        if chat_completion.passes(code):
            raise Again(f"unreachable: status {code}: {told}")  # a gateway that gave up: the model may have worked
        fault = chat_completion.for_good(code, told, low)
        if fault.startswith("broken") and (spared := self.habits.spare(given, low, chat_completion.param_of(body))):
            say_spared(self.endpoint, spared, told)
            raise Again(fault, free=True, at_once=True)
        return Reply(call, fault=fault, seconds=seconds)

    def read_reply(self, call: Call, raw: bytes, seconds: float) -> Reply:
        """An answer as a reply."""
        try:
            read = chat_completion.completion(raw, self.secret)
        except chat_completion.NotOne as error:
            raise Again(f"broken: {error}") from None
        reply = reply_of(call, read, self.endpoint, seconds)
        refuse_in_turn(self.endpoint, self.where, reply)
        if reply.fault is None:
            self.expected = self.expected or reply.model
        return held_to(reply, self.expected)


def body_of(given: dict[str, Any]) -> bytes:
    """A request's body: JSON in UTF-8, without halves of characters."""
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(errors="replace")


def say_spared(endpoint: Endpoint, spared: list[str], told: str) -> None:
    """Say once what an endpoint is no longer sent."""
    known = habits(endpoint)
    if new := [name for name in spared if name not in known.said]:
        known.said.update(new)
        instead = f", with {known.room} instead" if ROOM in new else ""
        say(f"{endpoint.model} at {shown(endpoint.url)} refuses {' and '.join(new)}; requests are sent without it{instead}: {told}")


def refuse_in_turn(endpoint: Endpoint, where: str, reply: Reply) -> None:
    """Raises Refused where an endpoint's first answers come from two models in turn, such as two replicas behind one name."""
    if reply.fault is not None or reply.model in endpoint.reported:
        return
    if names := habits(endpoint).in_turn(reply.model):
        first, second = names
        raise Refused(
            f"{where} reports the models {first} and {second} in turn. If both count as one judge, name both: "
            f"`reported: [{first}, {second}]`. If not, use an address or a model name that leads to one of them."
        )


def allowed(expected: Expected) -> set[str]:
    """The names that an answer may carry."""
    return set() if expected is None else {expected} if isinstance(expected, str) else set(expected)


def shut_out(endpoint: Endpoint, where: str, code: int, told: str) -> Refused:
    """The refusal of a key."""
    key = f"the environment variable {endpoint.key}" if endpoint.key else "no key was sent: name a variable as `key`"
    return Refused(f"{where} does not let us in ({code}): {told}. Check {key}.")


def unreached(cause: BaseException, where: str) -> Again:
    """What a broken connection means."""
    from hone.http import UNSENT, Unreadable

    if isinstance(cause, Unreadable):
        return Again(f"broken: {cause}")
    return Again(f"unreachable: {type(cause).__name__} at {where}", free=isinstance(cause, UNSENT))


def reply_of(call: Call, read: chat_completion.Said, endpoint: Endpoint, seconds: float) -> Reply:
    """An answer that was read, as the reply to a call; what the endpoint does not count is estimated."""
    tokens_in = tokens_of(call) if read.tokens_in is None else read.tokens_in
    tokens_out = len((read.text or "").encode()) // 4 + 1 if read.tokens_out is None else read.tokens_out
    known = habits(endpoint)
    fault = read.fault or known.not_read(call, read.tokens_in, read.cached)
    return Reply(
        call, None if fault else read.text, None if fault else read.tops, read.model, tokens_in, tokens_out, seconds,
        endpoint.price(tokens_in, tokens_out), read.cut, fault, read.system,
        tuple(name for name in call.options if name in known.without),
    )  # fmt: skip


def held_to(reply: Reply, expected: Expected) -> Reply:
    """The reply, or a fault where another model gave it."""
    names = allowed(expected)
    if reply.fault or not reply.model or not names or reply.model in names:
        return reply
    fault = f"another model: {reply.model} answered instead of {' or '.join(sorted(names))}"
    return replace(reply, text=None, tops=None, fault=fault)
