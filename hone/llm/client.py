"""A client for OpenAI-compatible chat endpoints: sends requests concurrently and yields one
completion for each.

Temporary failures are retried after a pause. A failure that affects every request, such as a wrong
key, ends the run at once.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from hone.data.unknown_reasons import TAKEN_OVER
from hone.errors import Refused
from hone.llm import chat_completion
from hone.llm.budget import Budget, JudgeBudget, Reservation
from hone.llm.completion import (
    Again,
    Completion,
    Endpoint,
    Expected,
    Request,
    check_model,
    completion_of,
    log_unsupported,
    refuse_in_turn,
)
from hone.llm.endpoint_state import at_most, habits
from hone.llm.rate_limit import Pace
from hone.llm.retry_policy import (
    connection_failure,
    delay,
    is_temporary,
    rejected_key,
    temporary_failure,
)
from hone.pipeline import progress
from hone.urls import public, show_url

JSON = {"content-type": "application/json"}
LOG_INTERVAL = 10.0  # seconds between two progress lines


def complete(
    endpoint: Endpoint,
    requests: Iterable[Request],
    budget: Budget | JudgeBudget,
    expected_model: Expected = None,
) -> Iterator[list[Completion]]:
    """Send all requests and yield their completions.

    The event loop runs only while the next completions are awaited, in the caller's thread. Closing
    the generator cancels the calls in flight. It loses no completion that has been received,
    because those that arrive together are yielded together.

    Args:
        endpoint: receives the requests.
        requests: consumed one by one, as slots become free.
        budget: reserved before each attempt. Once it is used up, the remaining requests end with
            "over budget" and are not sent.
        expected_model: the model name, or one of the names, that completions must report; null: the
            name in the first completion.

    Yields:
        One or more completions, in order of arrival; one completion for each request in total.

    Raises:
        Refused: an invalid address or key, a rejected key, an unknown model, or two models in turn.
            Completions that were received before are yielded first.
    """
    public(endpoint.url)
    caller = Caller(endpoint, endpoint.secret(), budget, expected_model, iter(requests))
    failure: BaseException | None = None
    # A loop of its own: between two yields the caller may run another.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        try:
            while caller.busy and failure is None:
                try:
                    runner.run(caller.advance())
                except BaseException as error:  # Ctrl-C too: what was received is yielded before
                    failure = error
                    runner.run(caller.close())
                if received := caller.take_received():
                    yield received
            # The last call may fail while `advance` returns.
            if (failure := failure or caller.failure) is not None:
                raise failure
        finally:
            runner.run(caller.close())


class Caller:
    """State of one run of requests to one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        secret: str | None,
        budget: Budget | JudgeBudget,
        expected: Expected,
        requests: Iterator[Request],
    ) -> None:
        from hone.http import asynchronous, below

        self.endpoint, self.secret, self.budget, self.expected, self.requests = (
            endpoint,
            secret,
            budget,
            expected,
            requests,
        )
        self.where = show_url(endpoint.url)
        self.address = below(endpoint.url, "chat/completions")
        self.client = asynchronous(endpoint.url, endpoint.slots, endpoint.timeout, secret)
        self.habits = habits(endpoint)
        self.pace = Pace(self.habits.load_of(endpoint.slots))
        self.more = True
        self.running: set[asyncio.Task[None]] = set()
        self.received: list[Completion] = []
        self.failure: BaseException | None = None
        self.changed = asyncio.Event()
        self.reserved_now = 0
        self.settled = asyncio.Condition()
        self.reserving = asyncio.Lock()
        self.count, self.began, self.logged = 0, time.monotonic(), time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether there are requests to send or completions to wait for."""
        return bool(self.more or self.running)

    async def advance(self) -> None:
        """Wait for the next completions.

        All free slots but one are filled before it returns, because recording completions takes
        time. The last one stays free, because the caller may stop the endpoint after it has read
        them.

        Raises:
            Refused: the endpoint rejects every request; or what the source of requests raises.
        """
        self.fill()
        while self.running and not self.received and self.failure is None:
            self.changed.clear()
            await self.changed.wait()
            if not self.received:
                self.fill()
        self.fill(leave=1)
        await asyncio.sleep(0)  # new calls are sent
        if self.failure is not None:
            raise self.failure

    def fill(self, leave: int = 0) -> None:
        """Start a call in each free slot, except `leave` of them."""
        while self.more and self.failure is None and len(self.running) < self.pace.slots - leave:
            request = next(self.requests, None)
            if request is None:
                self.more = False
                return
            task = asyncio.create_task(self.attempt(request))
            self.running.add(task)
            task.add_done_callback(self.end)

    def end(self, task: asyncio.Task[None]) -> None:
        """Free the slot of a call that has ended."""
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.failure = self.failure or error
        self.changed.set()

    def receive(self, completion: Completion) -> None:
        """Store a completion until it is yielded, and count failures in a row."""
        self.received.append(completion)
        self.changed.set()
        if stopped := self.habits.take(completion):
            self.endpoint.log(f"{self.where}: {stopped}")
        self.count += 1
        if (now := time.monotonic()) - self.logged >= LOG_INTERVAL:
            self.logged = now
            self.endpoint.log(f"{self.count:,} calls, {self.count / (now - self.began):.1f}/s")
            progress.report(f"{self.where}: calls", self.count, 0)

    def take_received(self) -> list[Completion]:
        """Completions that have been received and not yielded yet."""
        received, self.received = self.received, []
        return received

    async def close(self) -> None:
        """Cancel the calls in flight and close the connections."""
        self.more = False
        left = list(self.running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self.client.aclose()

    async def attempt(self, request: Request) -> None:
        """Receive the completion of a request, after as many attempts as it needs."""
        fault, pairs, began, attempt = "", request.pairs, time.monotonic(), 0
        while attempt < self.endpoint.attempts:
            if self.habits.stopped:
                fault = fault or self.habits.stopped
                break
            try:
                async with self.pace.turn():
                    if request.may_send is not None and not request.may_send():
                        fault = f"{TAKEN_OVER}: another process sends this request now"
                        break
                    reservation = await self.reserve(request, pairs)
                    if reservation is None:
                        fault = f"over budget: {self.budget.over}"
                        break
                    pairs = 0
                    await self.pay(request, reservation)
                    return
            except Again as again:
                fault = again.fault
                if again.at_once:
                    continue  # ends, because each repetition sends one option less
                attempt += 1
                if attempt < self.endpoint.attempts:
                    await asyncio.sleep(delay(attempt, self.endpoint.backoff))
        self.receive(Completion(request, fault=fault, seconds=time.monotonic() - began))

    async def reserve(self, request: Request, pairs: int) -> Reservation | None:
        """Reserve the maximum cost of an attempt; null if it exceeds the rest of the budget even
        after the calls in flight end.
        """
        most = (pairs, *at_most(request, self.endpoint))
        async with self.reserving, self.settled:
            await self.settled.wait_for(
                lambda: not self.reserved_now or not self.budget.waits(*most)
            )
            reservation = self.budget.reserve(*most)
            self.reserved_now += reservation is not None
            return reservation

    async def pay(self, request: Request, reservation: Reservation) -> None:
        """Make one attempt. The reservation is settled in every case."""
        tokens, money, pairs = reservation.tokens, reservation.money, reservation.pairs
        began = time.monotonic()
        try:
            completion = await self.post(request)
            tokens, money = completion.tokens_in + completion.tokens_out, completion.money
            if (completion.fault or "").startswith("broken"):
                pairs = 0  # the model never received it
            elif completion.tokens_in:
                self.habits.heard_of(request, completion.tokens_in)
            self.pace.load.well()
            self.receive(completion)
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
            self.reserved_now -= 1
            async with self.settled:
                self.settled.notify_all()

    async def post(self, request: Request) -> Completion:
        """Make one HTTP call.

        Raises:
            Again: a temporary failure.
            Refused: a failure that affects every request.
        """
        import httpx2

        began, body = time.monotonic(), self.habits.body(request, self.endpoint.model)
        try:
            async with asyncio.timeout(self.endpoint.timeout):
                response = await self.client.post(self.address, content=encode(body), headers=JSON)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout):
            raise Again(
                f"timed out: no complete response within {self.endpoint.timeout:g} s",
                overloaded=True,
            ) from None
        except httpx2.TransportError as error:
            raise connection_failure(error, self.where) from None
        if not response.is_success:
            return self.read_error(request, response, body, time.monotonic() - began)
        return self.read_completion(request, response.content, time.monotonic() - began)

    def read_error(
        self, request: Request, response: Any, sent: dict[str, Any], seconds: float
    ) -> Completion:
        """The fault of a request whose call returned an error status.

        Raises:
            Again: a temporary failure.
            Refused: a failure that affects every request.
        """
        code = response.status_code
        body = chat_completion.body_of(response.content)
        message, low = chat_completion.of_error(body, self.secret)
        if code in (401, 403):
            raise rejected_key(self.endpoint, code, message)
        if code == 404:
            raise Refused(
                f"{self.where} has no /chat/completions or no model '{self.endpoint.model}' "
                f"(404): {message}. "
                "The address usually ends in /v1. GET /v1/models lists the models."
            )
        if is_temporary(code):
            raise temporary_failure(code, message, response.headers.get("retry-after"))
        fault = chat_completion.for_good(code, message, low)
        if fault.startswith("broken") and (
            unsupported := self.habits.spare(sent, low, chat_completion.param_of(body))
        ):
            log_unsupported(self.endpoint, unsupported, message)
            raise Again(fault, free=True, at_once=True)
        return Completion(request, fault=fault, seconds=seconds)

    def read_completion(self, request: Request, raw: bytes, seconds: float) -> Completion:
        """The completion in the body of a successful response."""
        try:
            read = chat_completion.completion(raw, self.secret)
        except chat_completion.NotOne as error:
            raise Again(f"broken: {error}") from None
        completion = completion_of(request, read, self.endpoint, seconds)
        refuse_in_turn(self.endpoint, completion)
        if completion.fault is None:
            self.expected = self.expected or completion.model
        return check_model(completion, self.expected)


def encode(body: dict[str, Any]) -> bytes:
    """A request body: JSON in UTF-8, with unpaired surrogates replaced."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        errors="replace"
    )
