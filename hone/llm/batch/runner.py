"""Calls through a vendor's batch endpoint: half the price, within a day, and none paid twice when the process is killed meanwhile.

What was submitted outlives the process (hone/llm/batch/jobs.py). A call that is made again is recognised by what it says
and gets the answer of the batch that it is in.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from hone.addresses import public
from hone.data.unknown_reasons import ITS_FAULT, TAKEN_OVER, kind
from hone.llm.batch import jobs
from hone.llm.batch.client import Gone, TurnedDown, Vendor
from hone.llm.batch.jobs import Submitted
from hone.llm.batch.jsonl import counted, digest, line_of, read, reason
from hone.llm.budget import Budget, Reservation
from hone.llm.chat_completion import LONGEST_NAME, clean
from hone.llm.client import Again, Call, Endpoint, Expected, Reply, ask_all, held_to, refuse_in_turn
from hone.llm.endpoint_state import FAILURES_IN_A_ROW, THOUGHTS_IN_A_ROW, at_most, habits
from hone.stage import say

MOST_CALLS, MOST_BYTES = 10_000, 100 << 20  # of one batch; vendors take 50,000 and 200 MB
POLL = 30.0  # seconds between two looks at a batch
LOOKS = 120  # in a row that fail, after which we stop looking: an hour
UNSEEN = 5  # looks in a row at a batch that the vendor does not know, after which it is gone
TURNS = 2  # batches that a call is in at most, where it failed in a way that may pass
FIRST = 3  # calls made directly, until one is answered
ALONE = 2.0  # price of a call of its own, in prices of a batch (the vendors' lists)
ENDED = ("completed", "failed", "expired", "cancelled")
EVERY = 60.0  # seconds between two lines about how far a batch is


@dataclass
class Asked:
    """A call under way.

    Attributes:
        call: as it was given.
        turn: batches it has been in before.
        counted: its pairs are spent.
        held: what is set aside for it; null: nothing.
        free: if it ended now without an answer, it would certainly have cost nothing.
    """

    call: Call
    turn: int = 0
    counted: bool = False
    held: Reservation | None = None
    free: bool = True


def ask_batch(
    endpoint: Endpoint, calls: Iterable[Call], budget: Budget, on_reply: Callable[[Reply], None], expected_model: Expected = None,
    *, poll: float = POLL, most: int = MOST_CALLS,
) -> None:  # fmt: skip
    """Make all calls in batches, one batch after the other; used as `ask_all` is.

    The first calls to an endpoint that has not answered this process yet are made directly, so that what is wrong with all of
    them shows at once; so is a call that would be a batch of its own. These count at twice the price.

    Args:
        endpoint: where they go; its prices are those of a batch.
        calls: taken as they fit into a batch.
        budget: reserved for every call of a batch before it is submitted. When its minutes are over we stop waiting; the batch
            goes on, counts as paid, and its answers are collected when the same is asked again.
        on_reply: called once for every call, in this thread.
        expected_model: the name, or one of the names, that answers must carry; null: the first one's.
        poll: seconds between two looks at a batch.
        most: calls of one batch.

    Raises:
        Refused: no such key or address, or the endpoint does not let us in, or has no batches.
    """
    public(endpoint.url)
    clerk = Clerk(endpoint, endpoint.secret(), budget, on_reply, expected_model, poll, most)
    try:
        clerk.make(calls)
    finally:
        clerk.close()


@dataclass
class Clerk:
    """One run of calls to one endpoint.

    Attributes:
        queue: calls to be placed: new ones, and those that get another turn.
        pending: calls of the next batch.
        size: bytes of its file.
        out: batches at the vendor, by our names.
        waiting: calls of each of them that were asked for, by their names in it.
        places: (batch, name of the call in it) of what batches of an earlier process still owe, by what the call says.
        direct: calls made directly because the endpoint had not answered yet.
        stopped: why nothing more is submitted; null while work goes on. The next block tries anew: what a vendor has is collected.
        faults: of the calls of the batch that is being collected; null for an answer.
    """

    endpoint: Endpoint
    secret: str | None = field(repr=False)
    budget: Budget
    on_reply: Callable[[Reply], None]
    expected: Expected
    poll: float
    most: int
    queue: deque[Asked] = field(default_factory=deque)
    pending: list[Asked] = field(default_factory=list)
    size: int = 0
    out: dict[str, Submitted] = field(default_factory=dict)
    waiting: dict[str, dict[str, Asked]] = field(default_factory=dict)
    places: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    direct: int = 0
    stopped: str | None = None
    faults: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.vendor = Vendor(self.endpoint, self.secret)
        self.habits = habits(self.endpoint)

    def make(self, calls: Iterable[Call]) -> None:
        for one in jobs.left_behind(self.endpoint):
            if one.file is None:  # without an uploaded file nothing was submitted
                self.forget(one)
                one.end()
                continue
            self.out[one.name] = one
            for name in one.calls:
                self.places.setdefault(name.partition("-")[0], []).append((one.name, name))
        for call in calls:
            self.queue.append(Asked(call))
            self.place_all()
        while self.pending or self.waiting:
            self.flush()
            self.place_all()
        for one in self.out.values():
            if one.calls and jobs.old(one) and self.gone(one):
                one.done(list(one.calls))

    def forget(self, one: Submitted) -> None:
        """Give up a batch that cost nothing, and what was reserved for it."""
        self.budget.release(name for call, name in one.held.items() if call in one.calls)
        one.done(list(one.calls))

    def gone(self, one: Submitted) -> bool:
        """Whether the vendor itself says that it has a batch no more; what a clock says is no reason to pay twice."""
        try:
            if one.batch is None:
                return not self.found(one)
            for look in range(UNSEEN):
                try:
                    self.vendor.look(one.batch)
                    return False
                except Gone:
                    time.sleep(self.poll if look + 1 < UNSEEN else 0)
        except (Again, TurnedDown):
            return False
        return True

    def close(self) -> None:
        """Let go of everything; what the vendor has may have to be paid, and stays reserved for whoever collects it."""
        self.vendor.close()
        for asked in self.pending:
            self.settle(asked, pairs=0)
        for asked in (asked for calls in self.waiting.values() for asked in calls.values()):
            self.settle(asked, pairs=0) if asked.free else self.leave(asked)
        for one in self.out.values():
            one.end()

    def place_all(self) -> None:
        while self.queue:
            asked = self.queue.popleft()
            if stopped := self.stopped or self.habits.stopped:
                self.hand_on(asked, Reply(asked.call, fault=stopped))
            else:
                self.place(asked)
            if len(self.pending) >= self.most or self.size >= MOST_BYTES:
                self.flush()

    def place(self, asked: Asked) -> None:
        """Find the batch that a call is in already, or is to be in."""
        saying = digest(asked.call, self.endpoint.model)
        known = [(batch, name) for batch, name in self.places.get(saying, ()) if name in self.out[batch].calls]
        thinks = self.habits.thoughts > 0 and self.direct < THOUGHTS_IN_A_ROW  # all of a batch would be cut and paid
        if not known and (thinks or (not self.habits.heard and self.direct < FIRST)):
            self.direct += 1
            self.alone(asked)
        elif not self.reserved(asked, self.out[known[0][0]].held.get(known[0][1]) if known else None):
            self.hand_on(asked, Reply(asked.call, fault=f"over budget: {self.budget.over}"))
        elif known:
            batch, name = known[0]
            self.places[saying] = known[1:]
            asked.free = False
            self.waiting.setdefault(batch, {})[name] = asked
        else:
            self.pending.append(asked)
            self.size += len(line_of(asked.call, saying, self.endpoint))

    def reserved(self, asked: Asked, earlier: str | None = None) -> bool:
        """Set aside what a call can cost, if need be once those before it have ended.

        Args:
            asked: the call.
            earlier: what an earlier process has set aside for it, and counts once.
        """
        most = (0 if asked.counted else asked.call.pairs, *at_most(asked.call, self.endpoint))
        while earlier is None and (self.pending or self.waiting) and self.budget.waits(*most):
            self.flush()
        asked.held = self.budget.reserve(*most, earlier=earlier)
        return asked.held is not None

    def alone(self, asked: Asked) -> None:
        """Make a call directly."""
        self.settle(asked, pairs=0)
        prices = {"price_in": ALONE * self.endpoint.price_in, "price_out": ALONE * self.endpoint.price_out}

        def told(reply: Reply) -> None:
            if reply.fault is None:
                self.expected = self.expected or reply.model
            elif self.direct == FIRST and not self.habits.heard and kind(reply.fault) in ITS_FAULT:
                self.stopped = f"stopped: the first {FIRST} calls failed, the last one: {reply.fault}"
                say(f"{self.endpoint.model}: {self.stopped}")
            self.on_reply(replace(reply, call=asked.call))

        call = replace(asked.call, pairs=0 if asked.counted else asked.call.pairs)
        ask_all(replace(self.endpoint, **prices), [call], self.budget, told, self.expected)

    def flush(self) -> None:
        """Submit what is pending, and wait for all that is out and was asked for."""
        if self.stopped:
            while self.pending:
                asked = self.pending.pop()
                self.hand_on(asked, Reply(asked.call, fault=self.stopped))
        elif len(self.pending) == 1:
            self.alone(self.pending.pop())
        elif self.pending:
            self.submit()
        self.size = 0
        for batch, calls in list(self.waiting.items()):
            self.collect(self.out[batch], calls)
            del self.waiting[batch]

    def submit(self) -> None:
        for asked in [asked for asked in self.pending if asked.call.may_ask is not None and not asked.call.may_ask()]:
            self.pending.remove(asked)
            self.hand_on(asked, Reply(asked.call, fault=f"{TAKEN_OVER}: another process asks this now"))
        if not self.pending:
            return
        seen: Counter[str] = Counter()
        calls = {}
        for asked in self.pending:
            saying = digest(asked.call, self.endpoint.model)
            calls[f"{saying}-{seen[saying]}"] = asked
            seen[saying] += 1
        reserved = {name: asked.held.name for name, asked in calls.items() if asked.held and asked.held.name}
        new = jobs.begun(self.endpoint, calls, reserved)
        self.out[new.name], self.waiting[new.name], self.pending = new, calls, []
        try:
            with new.path("jsonl").open("wb") as file:
                file.writelines(line_of(asked.call, name, self.endpoint) for name, asked in calls.items())
            file, uploaded = self.vendor.upload(new.path("jsonl"))
            new.save(file=file, uploaded=uploaded)
            for asked in calls.values():
                asked.free = False
            new.save(batch=self.vendor.create(new))
            say(f"{self.endpoint.model}: {len(calls):,} calls submitted as batch {self.shown(new)}")
        except TurnedDown as error:
            self.stop(f"a batch was turned down: {error}")
            self.give_up(new, calls, str(error), free=True)
        except Again as again:
            self.stop(f"a batch could not be submitted: {again.fault}")
            self.give_up(new, calls, again.fault, free=new.file is None or again.free)
        finally:
            new.path("jsonl").unlink(missing_ok=True)

    def collect(self, one: Submitted, calls: dict[str, Asked]) -> None:
        """Wait for a batch and hand on its answers; its other calls get another turn, or a fault."""
        if not calls:
            return
        try:
            if one.batch is None and not self.found(one):
                self.again(one, calls, "unreachable: the batch was not submitted", free=True, turns=0)
                return
            batch = self.awaited(one)
            self.faults = []
            self.hand_on_lines(one, batch, calls)
        except Gone as error:
            say(f"{self.endpoint.model}: batch {self.shown(one)} is gone ({error}); its calls are made again")
            self.again(one, calls, f"broken: batch {self.shown(one)} is gone: {error}", free=False)
            one.done(list(one.calls))
        except (Again, TurnedDown) as error:
            if not self.budget.late():
                self.stop(str(error))
            later = f"batch {self.shown(one)} goes on, and its answers are collected when the same is asked again"
            self.give_up(one, calls, f"{error}; {later}", free=False)
        else:
            self.rest(one, batch, calls)

    def found(self, one: Submitted) -> bool:
        """Whether the vendor has a batch that a process was submitting when it ended."""
        if (batch := self.vendor.find(one)) is not None:
            one.save(batch=batch)
        return batch is not None

    def awaited(self, one: Submitted) -> dict:
        """A batch once it has ended.

        Raises:
            Again: the budget's minutes are over, or the vendor has not answered for long.
            Gone, TurnedDown.
        """
        failed = unseen = 0
        told, last = time.monotonic(), ""
        while True:
            batch, wait = {}, 0.0
            try:
                batch = self.vendor.look(one.batch)
                failed = unseen = 0
            except Again as again:
                failed, wait = failed + 1, again.wait or 0.0
                if failed == LOOKS:
                    raise
            except Gone:
                unseen += 1
                if unseen == UNSEEN:
                    raise
            if batch.get("status") in ENDED:
                return batch
            if late := self.budget.late():
                raise Again(f"over budget: {late}")
            if (counts := counted(batch)) != last and time.monotonic() - told >= EVERY:
                told, last = time.monotonic(), counts
                say(f"{self.endpoint.model}: batch {self.shown(one)}: {counts}")
            time.sleep(max(self.poll, wait))

    def hand_on_lines(self, one: Submitted, batch: dict, calls: dict[str, Asked]) -> None:
        """Hand on the answers of an ended batch, each as it is read."""
        for file in (batch.get("output_file_id"), batch.get("error_file_id")):
            if not isinstance(file, str) or not file:
                continue
            for attempt in range(self.endpoint.attempts):
                try:
                    for line in self.vendor.lines(file):
                        if isinstance(name := line.get("custom_id"), str) and name in calls:
                            self.line(one, name, line, calls)
                    break
                except (Again, Gone) as error:
                    if attempt + 1 == self.endpoint.attempts:
                        raise
                    time.sleep(getattr(error, "wait", None) or min(self.poll, self.endpoint.backoff * 2**attempt))

    def line(self, one: Submitted, name: str, line: dict, calls: dict[str, Asked]) -> None:
        """Hand on what one line says of its call."""
        asked = calls[name]
        try:
            reply = read(asked.call, line, self.endpoint, self.secret)
        except Again as again:
            if not again.at_once:
                self.faults.append(again.fault)
            self.again(one, {name: calls.pop(name)}, again.fault, again.free)
            return
        refuse_in_turn(self.endpoint, self.vendor.where, reply)
        if reply.fault is None:
            self.expected = self.expected or reply.model
        reply = held_to(reply, self.expected)
        if stopped := self.habits.take_cut(reply):
            self.stop(stopped.removeprefix("stopped: "))
        self.faults.append(reply.fault)
        del calls[name]
        asked.free = not reply.tokens_in and not reply.tokens_out
        self.hand_on(asked, reply)
        one.done([name])

    def rest(self, one: Submitted, batch: dict, calls: dict[str, Asked]) -> None:
        """What becomes of the calls that an ended batch says nothing of, and whether to go on after it."""
        name, status = self.shown(one), batch["status"]
        if status == "failed":
            fault = f"batch {name} failed: {reason(batch, self.secret)}"
            self.stop(fault)
            one.done(list(one.calls))
            self.give_up(one, calls, f"broken: {fault}", free=True)
        elif status == "cancelled":
            fault = f"batch {name} was cancelled"
            self.stop(fault)
            self.give_up(one, calls, f"stopped: {fault}", free=True)
        elif status == "expired":
            fault = f"timed out: batch {name} has expired"
            self.faults += [fault] * len(calls)
            self.again(one, calls, fault, free=True)
        else:
            fault = f"broken: batch {name} has no answer to this call"
            self.faults += [fault] * len(calls)
            self.again(one, calls, fault, free=False)
        if len(self.faults) >= FAILURES_IN_A_ROW and all(fault and kind(fault) in ITS_FAULT for fault in self.faults):
            self.stop(f"all {len(self.faults):,} calls of batch {name} failed, the last one: {self.faults[-1]}")

    def again(self, one: Submitted, calls: dict[str, Asked], fault: str, free: bool, turns: int = 1) -> None:
        """Give calls of a batch another turn, or the fault where they have had enough of them."""
        one.done(list(calls))
        while calls:
            _, asked = calls.popitem()
            asked.free = free
            if asked.turn + turns >= TURNS:
                self.hand_on(asked, Reply(asked.call, fault=fault))
            else:
                self.settle(asked)
                self.queue.append(Asked(asked.call, asked.turn + turns, counted=True))

    def give_up(self, one: Submitted, calls: dict[str, Asked], fault: str, free: bool) -> None:
        """End calls of a batch with a fault. Those that have cost nothing are forgotten; the others may be collected later."""
        if free:
            one.done(list(calls))
        while calls:
            _, asked = calls.popitem()
            asked.free = free
            if not free:
                self.leave(asked)
            self.hand_on(asked, Reply(asked.call, fault=fault))

    def hand_on(self, asked: Asked, reply: Reply) -> None:
        """Settle a call and hand on its reply."""
        if reply.tokens_in or reply.tokens_out:
            self.settle(asked, used=(reply.tokens_in + reply.tokens_out, reply.money))
        else:
            self.settle(asked, pairs=0 if asked.free and kind(reply.fault or "") in ("broken", "stopped", TAKEN_OVER) else None)
        self.on_reply(reply)

    def settle(self, asked: Asked, pairs: int | None = None, used: tuple[int, float] | None = None) -> None:
        """Replace what is set aside for a call by what it used; all of it, where that is not known."""
        if asked.held is not None:
            held, asked.held = asked.held, None
            tokens, money = used or ((0, 0.0) if asked.free else (held.tokens, held.money))
            self.budget.settle(held, tokens, money, pairs)

    def leave(self, asked: Asked) -> None:
        """Count a call as spent that goes on at the vendor; whoever collects its answer takes the reservation over."""
        if asked.held is not None:
            held, asked.held = asked.held, None
            self.budget.leave(held)

    def stop(self, why: str) -> None:
        if not self.stopped:
            self.stopped = f"stopped: {why}"
            say(f"{self.endpoint.model}: {self.stopped}")

    def shown(self, one: Submitted) -> str:
        return clean(one.batch or one.name, self.secret)[:LONGEST_NAME]
