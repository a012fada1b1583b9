"""Requests through a vendor's batch endpoint: half the price, within a day, and none paid twice if
the process is killed meanwhile.

A submitted batch outlives the process (hone/llm/batch/jobs.py). A repeated request is recognized by
its content and receives the completion of the batch that contains it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from hone.data.unknown_reasons import ITS_FAULT, TAKEN_OVER, kind
from hone.llm.batch import jobs
from hone.llm.batch.client import NotFound, TurnedDown, Vendor
from hone.llm.batch.jobs import Submitted
from hone.llm.batch.jsonl import digest, line_of, progress, read, reason
from hone.llm.budget import Budget, JudgeBudget, Reservation
from hone.llm.chat_completion import LONGEST_NAME, clean
from hone.llm.client import complete
from hone.llm.completion import (
    Again,
    Completion,
    Endpoint,
    Expected,
    Request,
    check_model,
    refuse_in_turn,
)
from hone.llm.endpoint_state import FAILURES_IN_A_ROW, THOUGHTS_IN_A_ROW, at_most, habits
from hone.urls import public

MOST_CALLS, MOST_BYTES = 10_000, 100 << 20  # per batch; vendors accept 50,000 and 200 MB
POLL = 30.0  # seconds between two status requests
LOOKS = 120  # consecutive failed status requests before giving up: an hour
UNSEEN = 5  # consecutive status requests that do not find the batch before it counts as gone
TURNS = 2  # maximum number of batches per request, if it fails in a way that may be temporary
FIRST = 3  # requests sent directly until one succeeds
ALONE = 2.0  # price of a direct call, relative to a batch (the vendors' lists)
ENDED = ("completed", "failed", "expired", "cancelled")
LOG_INTERVAL = 60.0  # seconds between two progress lines

# Yields completions, each in a list of its own: it must be recorded before the batch's files mark
# it as collected.
Yields = Iterator[list[Completion]]


@dataclass
class Pending:
    """A request that has no completion yet.

    Attributes:
        turn: number of batches it has been in before.
        counted: its pairs count as spent already.
        reservation: its reservation; null: none.
        free: if it ended now without a completion, it would certainly have cost nothing.
    """

    request: Request
    turn: int = 0
    counted: bool = False
    reservation: Reservation | None = None
    free: bool = True


def complete_in_batches(
    endpoint: Endpoint,
    requests: Iterable[Request],
    budget: Budget | JudgeBudget,
    expected_model: Expected = None,
    *,
    poll: float = POLL,
    most: int = MOST_CALLS,
) -> Yields:
    """Send all requests in batches, one batch after the other, and yield their completions. Used
    like `hone.llm.client.complete`.

    Until an endpoint has answered in this process, requests are sent directly. An error that
    affects all of them then shows at once. A request that would be a batch of its own is sent
    directly too. Direct calls count at twice the price.

    Closing the generator leaves its batches at the vendor. The next run collects them.

    Args:
        endpoint: receives the requests; its prices are those of a batch.
        requests: consumed as they fit into a batch.
        budget: reserved for every request of a batch before it is submitted. Once its minutes are
            used up, the run ends without waiting. The batch then counts as paid, and the next run
            with the same requests collects it.
        expected_model: the model name, or one of the names, that completions must report; null: the
            name in the first completion.
        poll: seconds between two status requests.
        most: maximum number of requests per batch.

    Yields:
        Lists of one completion; one for each request in total.

    Raises:
        Refused: an invalid address or key, a rejected key, or an endpoint without batches.
    """
    public(endpoint.url)
    runner = Runner(endpoint, endpoint.secret(), budget, expected_model, poll, most)
    try:
        yield from runner.run(requests)
    finally:
        runner.close()


@dataclass
class Runner:
    """State of one run of requests to one endpoint.

    Attributes:
        queue: requests to be placed: new ones, and those with another turn.
        pending: requests of the next batch.
        size: bytes of its file.
        out: batches at the vendor, by our names.
        waiting: the requests of this run in each of them, by their names in the batch.
        places: (batch, name in it) of requests in batches of an earlier process, by content.
        direct: number of requests sent directly because the endpoint had not answered yet.
        stopped: why no batch is submitted any more; null: none of the reasons. The next run tries
            again and collects what is left.
        faults: of the requests of the batch that is being collected; null for a completion with a
            text.
    """

    endpoint: Endpoint
    secret: str | None = field(repr=False)
    budget: Budget | JudgeBudget
    expected: Expected
    poll: float
    most: int
    queue: deque[Pending] = field(default_factory=deque)
    pending: list[Pending] = field(default_factory=list)
    size: int = 0
    out: dict[str, Submitted] = field(default_factory=dict)
    waiting: dict[str, dict[str, Pending]] = field(default_factory=dict)
    places: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    direct: int = 0
    stopped: str | None = None
    faults: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.vendor = Vendor(self.endpoint, self.secret)
        self.habits = habits(self.endpoint)

    def run(self, requests: Iterable[Request]) -> Yields:
        for one in jobs.left_behind(self.endpoint):
            if one.file is None:  # no file was uploaded, so no batch was submitted
                self.forget(one)
                one.end()
                continue
            self.out[one.name] = one
            for name in one.calls:
                self.places.setdefault(name.partition("-")[0], []).append((one.name, name))
        for request in requests:
            self.queue.append(Pending(request))
            yield from self.place_all()
        while self.pending or self.waiting:
            yield from self.flush()
            yield from self.place_all()
        for one in self.out.values():
            if one.calls and jobs.old(one) and self.is_missing(one):
                one.done(list(one.calls))

    def forget(self, one: Submitted) -> None:
        """Give up a batch that cost nothing, and release its reservations."""
        self.budget.release(name for call, name in one.reservations.items() if call in one.calls)
        one.done(list(one.calls))

    def is_missing(self, one: Submitted) -> bool:
        """Whether the vendor itself no longer has a batch. A clock is not a reason to pay twice."""
        try:
            if one.batch is None:
                return not self.found(one)
            for look in range(UNSEEN):
                try:
                    self.vendor.look(one.batch)
                    return False
                except NotFound:
                    time.sleep(self.poll if look + 1 < UNSEEN else 0)
        except (Again, TurnedDown):
            return False
        return True

    def close(self) -> None:
        """Release everything. Requests at the vendor may cost something, so they stay reserved
        for the run that collects them.
        """
        self.vendor.close()
        for item in self.pending:
            self.settle(item, pairs=0)
        for item in (item for items in self.waiting.values() for item in items.values()):
            self.settle(item, pairs=0) if item.free else self.leave(item)
        for one in self.out.values():
            one.end()

    def place_all(self) -> Yields:
        while self.queue:
            item = self.queue.popleft()
            if stopped := self.stopped or self.habits.stopped:
                yield from self.finish(item, Completion(item.request, fault=stopped))
            else:
                yield from self.place(item)
            if len(self.pending) >= self.most or self.size >= MOST_BYTES:
                yield from self.flush()

    def place(self, item: Pending) -> Yields:
        """Find the batch that contains a request, or add it to the next one."""
        content = digest(item.request, self.endpoint.model)
        known = [
            (batch, name)
            for batch, name in self.places.get(content, ())
            if name in self.out[batch].calls
        ]
        thinks = (
            self.habits.thoughts > 0 and self.direct < THOUGHTS_IN_A_ROW
        )  # a whole batch would be cut off, and paid
        if not known and (thinks or (not self.habits.heard and self.direct < FIRST)):
            self.direct += 1
            yield from self.send_directly(item)
            return
        reserved = yield from self.reserve(
            item, self.out[known[0][0]].reservations.get(known[0][1]) if known else None
        )
        if not reserved:
            yield from self.finish(
                item, Completion(item.request, fault=f"over budget: {self.budget.over}")
            )
        elif known:
            batch, name = known[0]
            self.places[content] = known[1:]
            item.free = False
            self.waiting.setdefault(batch, {})[name] = item
        else:
            self.pending.append(item)
            self.size += len(line_of(item.request, content, self.endpoint))

    def reserve(
        self, item: Pending, earlier: str | None = None
    ) -> Generator[list[Completion], None, bool]:
        """Reserve the maximum cost of a request, after earlier requests have ended if necessary.
        Returns whether it fits.

        Args:
            item: the request.
            earlier: name of the reservation that an earlier process made for it; it counts once.
        """
        most = (0 if item.counted else item.request.pairs, *at_most(item.request, self.endpoint))
        while earlier is None and (self.pending or self.waiting) and self.budget.waits(*most):
            yield from self.flush()
        item.reservation = self.budget.reserve(*most, earlier=earlier)
        return item.reservation is not None

    def send_directly(self, item: Pending) -> Yields:
        """Send a request as a call of its own."""
        self.settle(item, pairs=0)
        prices = {
            "price_in": ALONE * self.endpoint.price_in,
            "price_out": ALONE * self.endpoint.price_out,
        }
        request = replace(item.request, pairs=0 if item.counted else item.request.pairs)
        with closing(
            complete(replace(self.endpoint, **prices), [request], self.budget, self.expected)
        ) as completions:
            for (completion,) in completions:
                if completion.fault is None:
                    self.expected = self.expected or completion.model
                elif (
                    self.direct == FIRST
                    and not self.habits.heard
                    and kind(completion.fault) in ITS_FAULT
                ):
                    self.stopped = (
                        f"stopped: the first {FIRST} calls failed, the last one: {completion.fault}"
                    )
                    self.endpoint.log(self.stopped)
                yield [replace(completion, request=item.request)]

    def flush(self) -> Yields:
        """Submit the next batch, and wait for all batches with requests of this run."""
        if self.stopped:
            while self.pending:
                item = self.pending.pop()
                yield from self.finish(item, Completion(item.request, fault=self.stopped))
        elif len(self.pending) == 1:
            yield from self.send_directly(self.pending.pop())
        elif self.pending:
            yield from self.submit()
        self.size = 0
        for batch, items in list(self.waiting.items()):
            yield from self.collect(self.out[batch], items)
            del self.waiting[batch]

    def submit(self) -> Yields:
        for item in [
            item
            for item in self.pending
            if item.request.may_send is not None and not item.request.may_send()
        ]:
            self.pending.remove(item)
            yield from self.finish(
                item,
                Completion(
                    item.request, fault=f"{TAKEN_OVER}: another process sends this request now"
                ),
            )
        if not self.pending:
            return
        seen: Counter[str] = Counter()
        items = {}
        for item in self.pending:
            content = digest(item.request, self.endpoint.model)
            items[f"{content}-{seen[content]}"] = item
            seen[content] += 1
        reserved = {
            name: item.reservation.name
            for name, item in items.items()
            if item.reservation and item.reservation.name
        }
        new = jobs.begun(self.endpoint, items, reserved)
        self.out[new.name], self.waiting[new.name], self.pending = new, items, []
        try:
            with new.path("jsonl").open("wb") as file:
                file.writelines(
                    line_of(item.request, name, self.endpoint) for name, item in items.items()
                )
            file, uploaded = self.vendor.upload(new.path("jsonl"))
            new.save(file=file, uploaded=uploaded)
            for item in items.values():
                item.free = False
            new.save(batch=self.vendor.create(new))
            self.endpoint.log(f"{len(items):,} requests submitted as batch {self.label(new)}")
        except TurnedDown as error:
            self.stop(f"the vendor rejected a batch: {error}")
            yield from self.give_up(new, items, str(error), free=True)
        except Again as again:
            self.stop(f"a batch could not be submitted: {again.fault}")
            yield from self.give_up(new, items, again.fault, free=new.file is None or again.free)
        finally:
            new.path("jsonl").unlink(missing_ok=True)

    def collect(self, one: Submitted, items: dict[str, Pending]) -> Yields:
        """Wait for a batch and yield its completions. Requests without one get another turn, or
        a fault.
        """
        if not items:
            return
        try:
            if one.batch is None and not self.found(one):
                yield from self.again(
                    one, items, "unreachable: the batch was not submitted", free=True, turns=0
                )
                return
            batch = self.wait_for(one)
            self.faults = []
            yield from self.read_lines(one, batch, items)
        except NotFound as error:
            self.endpoint.log(
                f"batch {self.label(one)} is gone ({error}); its requests are sent again"
            )
            yield from self.again(
                one, items, f"broken: batch {self.label(one)} is gone: {error}", free=False
            )
            one.done(list(one.calls))
        except (Again, TurnedDown) as error:
            if not self.budget.late():
                self.stop(str(error))
            later = (
                f"batch {self.label(one)} goes on, and the next run with the same requests "
                "collects it"
            )
            yield from self.give_up(one, items, f"{error}; {later}", free=False)
        else:
            yield from self.end(one, batch, items)

    def found(self, one: Submitted) -> bool:
        """Whether the vendor has a batch that a process was submitting when it ended."""
        if (batch := self.vendor.find(one)) is not None:
            one.save(batch=batch)
        return batch is not None

    def wait_for(self, one: Submitted) -> dict:
        """A batch, once it has ended.

        Raises:
            Again: the budget's minutes are used up, or the vendor has not responded for long.
            NotFound, TurnedDown.
        """
        failed = unseen = 0
        logged, last = time.monotonic(), ""
        while True:
            batch, wait = {}, 0.0
            try:
                batch = self.vendor.look(one.batch)
                failed = unseen = 0
            except Again as again:
                failed, wait = failed + 1, again.wait or 0.0
                if failed == LOOKS:
                    raise
            except NotFound:
                unseen += 1
                if unseen == UNSEEN:
                    raise
            if batch.get("status") in ENDED:
                return batch
            if late := self.budget.late():
                raise Again(f"over budget: {late}")
            if (counts := progress(batch)) != last and time.monotonic() - logged >= LOG_INTERVAL:
                logged, last = time.monotonic(), counts
                self.endpoint.log(f"batch {self.label(one)}: {counts}")
            time.sleep(max(self.poll, wait))

    def read_lines(self, one: Submitted, batch: dict, items: dict[str, Pending]) -> Yields:
        """Yield the completions of an ended batch, each as it is read."""
        for file in (batch.get("output_file_id"), batch.get("error_file_id")):
            if not isinstance(file, str) or not file:
                continue
            for attempt in range(self.endpoint.attempts):
                try:
                    for line in self.vendor.lines(file):
                        if isinstance(name := line.get("custom_id"), str) and name in items:
                            yield from self.read_line(one, name, line, items)
                    break
                except (Again, NotFound) as error:
                    if attempt + 1 == self.endpoint.attempts:
                        raise
                    time.sleep(
                        getattr(error, "wait", None)
                        or min(self.poll, self.endpoint.backoff * 2**attempt)
                    )

    def read_line(self, one: Submitted, name: str, line: dict, items: dict[str, Pending]) -> Yields:
        """Yield the completion in one line. It counts as collected only after the caller has
        recorded it.
        """
        item = items[name]
        try:
            completion = read(item.request, line, self.endpoint, self.secret)
        except Again as again:
            if not again.at_once:
                self.faults.append(again.fault)
            yield from self.again(one, {name: items.pop(name)}, again.fault, again.free)
            return
        refuse_in_turn(self.endpoint, completion)
        if completion.fault is None:
            self.expected = self.expected or completion.model
        completion = check_model(completion, self.expected)
        if stopped := self.habits.take_cut(completion):
            self.stop(stopped.removeprefix("stopped: "))
        self.faults.append(completion.fault)
        del items[name]
        item.free = not completion.tokens_in and not completion.tokens_out
        yield from self.finish(item, completion)
        one.done([name])

    def end(self, one: Submitted, batch: dict, items: dict[str, Pending]) -> Yields:
        """Handle the requests that an ended batch has no line for, and decide whether to go on
        after it.
        """
        name, status = self.label(one), batch["status"]
        if status == "failed":
            fault = f"batch {name} failed: {reason(batch, self.secret)}"
            self.stop(fault)
            one.done(list(one.calls))
            yield from self.give_up(one, items, f"broken: {fault}", free=True)
        elif status == "cancelled":
            fault = f"batch {name} was cancelled"
            self.stop(fault)
            yield from self.give_up(one, items, f"stopped: {fault}", free=True)
        elif status == "expired":
            fault = f"timed out: batch {name} has expired"
            self.faults += [fault] * len(items)
            yield from self.again(one, items, fault, free=True)
        else:
            fault = f"broken: batch {name} has no response to this request"
            self.faults += [fault] * len(items)
            yield from self.again(one, items, fault, free=False)
        if len(self.faults) >= FAILURES_IN_A_ROW and all(
            fault and kind(fault) in ITS_FAULT for fault in self.faults
        ):
            self.stop(
                f"all {len(self.faults):,} requests of batch {name} failed, the last one: "
                f"{self.faults[-1]}"
            )

    def again(
        self, one: Submitted, items: dict[str, Pending], fault: str, free: bool, turns: int = 1
    ) -> Yields:
        """Give requests of a batch another turn, or end them with the fault after their last
        one.
        """
        one.done(list(items))
        while items:
            _, item = items.popitem()
            item.free = free
            if item.turn + turns >= TURNS:
                yield from self.finish(item, Completion(item.request, fault=fault))
            else:
                self.settle(item)
                self.queue.append(Pending(item.request, item.turn + turns, counted=True))

    def give_up(self, one: Submitted, items: dict[str, Pending], fault: str, free: bool) -> Yields:
        """End requests of a batch with a fault. Those that cost nothing are forgotten; the
        others may be collected later.
        """
        if free:
            one.done(list(items))
        while items:
            _, item = items.popitem()
            item.free = free
            if not free:
                self.leave(item)
            yield from self.finish(item, Completion(item.request, fault=fault))

    def finish(self, item: Pending, completion: Completion) -> Yields:
        """Settle a request and yield its completion."""
        if completion.tokens_in or completion.tokens_out:
            self.settle(item, used=(completion.tokens_in + completion.tokens_out, completion.money))
        else:
            self.settle(
                item,
                pairs=0
                if item.free and kind(completion.fault or "") in ("broken", "stopped", TAKEN_OVER)
                else None,
            )
        yield [completion]

    def settle(
        self, item: Pending, pairs: int | None = None, used: tuple[int, float] | None = None
    ) -> None:
        """Replace a request's reservation by what it used; by the whole reservation if that is
        unknown.
        """
        if item.reservation is not None:
            reservation, item.reservation = item.reservation, None
            tokens, money = used or (
                (0, 0.0) if item.free else (reservation.tokens, reservation.money)
            )
            self.budget.settle(reservation, tokens, money, pairs)

    def leave(self, item: Pending) -> None:
        """Count a request at the vendor as spent; the run that collects its completion takes
        over the reservation.
        """
        if item.reservation is not None:
            reservation, item.reservation = item.reservation, None
            self.budget.leave(reservation)

    def stop(self, why: str) -> None:
        if not self.stopped:
            self.stopped = f"stopped: {why}"
            self.endpoint.log(self.stopped)

    def label(self, one: Submitted) -> str:
        return clean(one.batch or one.name, self.secret)[:LONGEST_NAME]
