"""A session: one model answers one block of questions. Questions that are already answered, or
claimed by a process, are not sent again.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, islice
from typing import Any, Protocol

import polars as pl

from hone import interrupts
from hone.data.unknown_reasons import ANSWERED, TAKEN_OVER, kind
from hone.llm.budget import Budget, JudgeBudget
from hone.llm.completion import (
    Complete,
    Completion,
    Endpoint,
    Expected,
    Request,
    check_model,
    log_unsupported,
)
from hone.llm.endpoint_state import habits
from hone.llm.ledger.ledger import LEASE, Answer, Ledger

CLAIMS_A_SLOT = (
    16  # questions claimed at once per slot; few, so that two processes can share a block
)
CENT = 1e-9  # rounding error of a cost
POLL = 0.5  # seconds between two look-ups of questions that another process is asking
# seconds between two renewals of claims: a slow model or a batch takes longer than a lease
RENEWED = 60.0
UNSURE = (
    LEASE - 2 * RENEWED
)  # seconds without a renewal after which another process may soon take over the claims
LONGEST_WAIT = (
    26 * 3600.0
)  # seconds to wait for another process that records no answer; a vendor's batch takes a day


class Item(Protocol):
    """One question, found in the ledger by its key."""

    @property
    def key(self) -> bytes: ...


class Desk(Protocol):
    """What a session needs of its stage: the ledger, the name of the run, the budget, the count of
    attempts, and a log.
    """

    @property
    def ledger(self) -> Ledger: ...

    @property
    def run(self) -> str: ...

    @property
    def budget(self) -> Budget | JudgeBudget: ...

    @property
    def retry(self) -> int: ...

    def log(self, message: str) -> None: ...


class Sending(Protocol):
    """How requests are sent: `complete` yields completions. `later`: the next run collects, and
    counts, what is under way when a run ends (a vendor's batches).
    """

    @property
    def complete(self) -> Complete: ...

    @property
    def later(self) -> bool: ...


class Wording(Protocol):
    """Turns questions into requests, without the options that an endpoint rejects."""

    @property
    def settings(self) -> Sending: ...

    @property
    def without(self) -> set[str]: ...

    def extras(self) -> set[str]:
        """Requested options that the endpoint may not support and that can be omitted."""

    def request(self, group: list[Any], number: int) -> Request:
        """One request about the questions of a group."""

    def unsupported(self, request: Request, fault: str) -> set[str]:
        """The options that a request was rejected for and that another wording replaces."""


@dataclass
class QuestionSession(ABC):
    """One model and one block of questions.

    Attributes:
        desk: ledger, budget, attempt.
        judge: the model's fingerprint, with that of the prompt.
        endpoint: receives the requests.
        wording: turns questions into requests.
        expected: the model name, or names, that completions must report; null: the name in the
            first completion.
        faults: why a question has no answer.
        under_way: the questions of each request that has been claimed and has no completion yet.
        elsewhere: questions that another process is asking.
        lost: questions whose claims another process has taken over while a request for them was
            under way.
        renewed: time of the last claim or renewal, by two clocks: one stops while the machine
            sleeps, the other may be set.
        again: groups of questions whose request the endpoint rejected and that are worded
            differently next.
        recorded_tokens, recorded_money: cost of the answers of this block that are in the ledger.
    """

    desk: Desk
    judge: str
    endpoint: Endpoint
    wording: Wording
    expected: Expected = None
    faults: dict[bytes, str] = field(default_factory=dict)
    under_way: dict[int, list[Item]] = field(default_factory=dict)
    elsewhere: list[bytes] = field(default_factory=list)
    lost: set[bytes] = field(default_factory=set)
    renewed: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.time()))
    again: list[list[Item]] = field(default_factory=list)
    failing: bool = False
    numbered: int = 0
    recorded_tokens: int = 0
    recorded_money: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @abstractmethod
    def look_up(self, keys: list[bytes]) -> pl.DataFrame:
        """The recorded answers: `question` and further columns, one row per answered question."""

    @abstractmethod
    def record_answer(self, completion: Completion, group: list[Item]) -> None:
        """Write the answer in a completion to the ledger."""

    def bundle(self, item: Item) -> Hashable:
        """Adjacent questions with the same value are claimed together."""
        return item.key

    def answer_all(self, items: dict[bytes, Item]) -> tuple[pl.DataFrame, dict[bytes, str]]:
        """Answer every question, from the ledger where possible.

        Returns:
            The recorded answers, and why the other questions have none.
        """
        found = self.look_up(list(items))
        if unanswered := without(list(items), found):
            self.ask_until_settled(items, unanswered)
            found = pl.concat([found, self.look_up(unanswered)])
        failed = {key: self.faults[key] for key in without(list(self.faults), found)}
        if others := [fault for fault in failed.values() if fault.startswith("another model")]:
            self.desk.log(
                f"{others[0]}; to accept that model, add its name to `reported` in params.yaml"
            )
        return found, failed

    def ask_until_settled(self, items: dict[bytes, Item], left: list[bytes]) -> None:
        """Ask until every question has an answer or a fault, in whichever process."""
        logged, since = False, time.monotonic()
        while left:
            self.elsewhere = []
            self.ask([items[key] for key in left])
            before, left = len(left), list(dict.fromkeys(self.elsewhere))
            if left and not logged:
                self.desk.log(
                    f"waiting for {len(left):,} questions that another process is asking now"
                )
                logged = True
            if left and self.over_budget():
                self.faults |= dict.fromkeys(left, f"over budget: {self.desk.budget.over}")
                return
            if left:
                time.sleep(POLL)
                left = without(left, self.look_up(left))
            if len(left) < before:
                since = time.monotonic()
            elif time.monotonic() - since >= LONGEST_WAIT:
                fault = (
                    f"stopped: another process has been asking for {LONGEST_WAIT / 3600:g} "
                    "hours and has not answered"
                )
                self.faults |= dict.fromkeys(left, fault)
                self.desk.log(
                    f"{len(left):,} questions are left open: {fault.removeprefix('stopped: ')}"
                )
                return

    def over_budget(self) -> bool:
        """Whether the budget is used up, including its minutes."""
        budget = self.desk.budget
        reservation = None if budget.over else budget.reserve(0, 0, 0.0)
        if reservation is not None:
            budget.settle(reservation, 0, 0.0)
        return reservation is None

    def ask(self, items: list[Item]) -> None:
        """Ask those questions that this process can claim; the others are added to `elsewhere`."""
        self.renewed = (time.monotonic(), time.time())
        with self.renewing_claims(), self.recording_failed_attempts():
            try:
                requests = self.requests(items)
                if self.numbered == 0 and self.wording.extras():
                    # The first request goes alone, so that an unsupported option costs one call.
                    self.send(islice(requests, 1))
                self.send(requests)
                while self.again:
                    groups, self.again = self.again, []
                    numbered = [(self.number(group), group) for group in groups]
                    self.send(self.request(group, number) for number, group in numbered)
            finally:
                with self.lock:
                    left = [
                        item.key
                        for group in (*self.under_way.values(), *self.again)
                        for item in group
                    ]
                    self.under_way.clear()
                    self.again = []
                    if left:
                        self.desk.ledger.release(self.judge, left)

    def send(self, requests: Iterable[Request]) -> None:
        """Send requests. Every completion is in the ledger before the next is waited for."""
        with closing(
            self.wording.settings.complete(self.endpoint, requests, self.desk.budget, self.expected)
        ) as completions:
            for received in completions:
                self.record_all(received)

    @contextmanager
    def recording_failed_attempts(self) -> Iterator[None]:
        """Record the cost of attempts without an answer as an answer to no question. The next run
        then counts it as spent.

        A vendor's batch is not a failed attempt: the run that collects its completions counts them.
        """
        if self.wording.settings.later:
            yield
            return
        before, self.recorded_tokens, self.recorded_money = self.desk.budget.spent, 0, 0.0
        try:
            yield
        finally:
            after = self.desk.budget.spent
            tokens = round(after["tokens"] - before["tokens"]) - self.recorded_tokens
            money = after["money"] - before["money"] - self.recorded_money
            if tokens > 0 or money > CENT:
                failed = Answer("", None, max(tokens, 0), 0, max(money, 0.0), 0.0)
                self.desk.ledger.record(self.judge, failed, [], self.desk.run, self.desk.retry)

    @contextmanager
    def renewing_claims(self) -> Iterator[None]:
        """Renew the claims of requests under way, in a thread, until the block ends."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(RENEWED):
                self.renew()

        thread = threading.Thread(target=renew, name="claims", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def renew(self) -> None:
        """Renew the claims of requests under way. Questions that another process has taken over are
        not asked here any more.

        A failed renewal is logged once and tried again, because the ledger may only be busy.
        """
        with self.lock:
            wanted = self.claimed_now()
        try:
            # Without the lock, so that answers can be recorded meanwhile.
            mine = self.desk.ledger.renew(self.judge, list(wanted)) if wanted else set()
        # if the thread ended here, no claim would be renewed any more, without a message
        except Exception as error:
            if not self.failing:
                self.desk.log(
                    f"claims could not be renewed, trying again every {RENEWED:g} s: {error}"
                )
            self.failing = True
            return
        if self.failing:
            self.desk.log("claims are renewed again")
        with self.lock:
            self.failing, self.renewed = False, (time.monotonic(), time.time())
            lost = (
                wanted - mine
            ) & self.claimed_now()  # a question answered meanwhile has no claim any more
            self.lost |= lost
        if lost:
            self.desk.log(
                f"another process has taken over {len(lost):,} questions, which are not asked "
                "here any more"
            )

    def claimed_now(self) -> set[bytes]:
        return {item.key for group in self.under_way.values() for item in group} - self.lost

    def may_send(self, number: int) -> bool:
        """Whether a request may be sent: as far as known, this process still holds its claims."""
        if self.unsure():
            self.renew()
            if self.unsure():
                return False
        return not any(item.key in self.lost for item in self.under_way.get(number, ()))

    def unsure(self) -> bool:
        """Whether the last renewal is so long ago that another process may take over the claims."""
        monotonic, wall = self.renewed
        return max(time.monotonic() - monotonic, abs(time.time() - wall)) > UNSURE

    def requests(self, items: list[Item]) -> Iterator[Request]:
        """Requests about these questions, claimed as they are needed."""
        batch: list[Item] = []
        most = CLAIMS_A_SLOT * self.endpoint.slots
        for _, together in groupby(items, key=self.bundle):
            batch += together
            if len(batch) >= most:
                yield from self.claimed(batch)
                batch = []
        if batch:
            yield from self.claimed(batch)

    def claimed(self, items: list[Item]) -> Iterator[Request]:
        """Requests about those questions that no other process is asking or has answered
        meanwhile.
        """
        over = self.desk.budget.over
        if fault := f"over budget: {over}" if over else habits(self.endpoint).stopped:
            self.faults |= {item.key: fault for item in items}
            return
        ledger = self.desk.ledger
        keys = [item.key for item in items]
        mine = ledger.claim(self.judge, keys)
        self.elsewhere += [key for key in keys if key not in mine]
        # Another process may have answered between the look-up and the claim.
        claimed = [key for key in keys if key in mine]
        unanswered = set(without(claimed, self.look_up(claimed)))
        if done := mine - unanswered:
            ledger.release(self.judge, list(done))
        # All are numbered before the first is sent: no claim may be left if the work ends between
        # two requests.
        self.lost -= mine
        numbered = [
            (self.number(group), group)
            for group in self.groups([item for item in items if item.key in unanswered])
        ]
        yield from (self.request(group, number) for number, group in numbered)

    def request(self, group: list[Item], number: int) -> Request:
        """A request about a group. It is not sent any more after another process has taken over
        the group.
        """
        return replace(self.wording.request(group, number), may_send=partial(self.may_send, number))

    def number(self, group: list[Item]) -> int:
        """A number for the request about a group, which is under way from now on."""
        with self.lock:
            self.numbered += 1
            self.under_way[self.numbered] = group
            return self.numbered

    def groups(self, items: list[Item]) -> Iterator[list[Item]]:
        """The questions of one request each."""
        yield from ([item] for item in items)

    def record_all(self, received: list[Completion]) -> None:
        """Record completions that arrived together. Neither Ctrl-C nor an error with one of them
        loses another.

        Raises:
            Refused: the ledger could not be written.
        """
        failure = None
        with interrupts.delayed():
            for completion in received:
                try:
                    self.record(completion)
                except Exception as error:
                    failure = failure or error
        if failure is not None:
            raise failure

    def record(self, completion: Completion) -> None:
        """Record the answer in a completion; a fault leaves its questions open for the next run."""
        number = completion.request.number
        with self.lock:
            group = self.under_way[number]
            fault = completion.fault or check_model(completion, self.expected).fault
            if fault and (unsupported := self.wording.unsupported(completion.request, fault)):
                self.wording.without |= unsupported
                log_unsupported(self.endpoint, sorted(unsupported), fault)
                self.again.append(group)
            elif fault and kind(fault) not in ANSWERED:
                keys = [item.key for item in group]
                if kind(fault) == TAKEN_OVER or not self.lost.isdisjoint(keys):
                    self.elsewhere += keys  # to be waited for
                else:
                    self.faults |= dict.fromkeys(keys, fault)
                self.desk.ledger.release(self.judge, keys)
            else:
                self.record_answer(completion, group)
            del self.under_way[number]

    def record_cost(self, completion: Completion) -> Answer:
        """The answer in a completion, whose cost counts as recorded."""
        self.recorded_tokens += completion.tokens_in + completion.tokens_out
        self.recorded_money += completion.money
        return Answer(
            completion.text or "",
            completion.model,
            completion.tokens_in,
            completion.tokens_out,
            completion.money,
            completion.seconds,
            completion.details,
        )


def without(keys: list[bytes], found: pl.DataFrame) -> list[bytes]:
    """The keys that have no row, in their order."""
    known = set(found["question"])
    return [key for key in keys if key not in known]
