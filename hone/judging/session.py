"""A sitting: one judge, one block of questions. Only what nobody has asked and nobody is asking now goes to the endpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, islice

import polars as pl

from hone.data.unknown_reasons import ANSWERED, TAKEN_OVER, kind
from hone.judging.context import Desk
from hone.judging.requests import Item, Wording
from hone.llm.client import Call, Endpoint, Expected, Reply, held_to, say_spared
from hone.llm.endpoint_state import habits
from hone.llm.ledger.ledger import LEASE, Answer, Verdict, question_key
from hone.seeds import generator
from hone.stage import say

CLAIMS_A_SLOT = 16  # questions claimed at once for each call at once; few, so that two loops share a block
CENT = 1e-9  # of money: a rounding
POLL = 0.5  # seconds between two looks at what another process asks
RENEWED = 60.0  # seconds after which claims of calls under way are renewed: a slow model or a batch takes longer than a lease
UNSURE = LEASE - 2 * RENEWED  # seconds without a renewal after which another process may be about to take claims over
LONGEST_WAIT = 26 * 3600.0  # seconds for another process that has answered nothing; a vendor's batch takes a day


@dataclass
class Sitting:
    """One judge and one block of questions: what is asked, and what becomes of it.

    Attributes:
        desk: ledger, budget, seed, attempt.
        judge: its fingerprint.
        endpoint: who is asked.
        wording: how.
        expected: the model name that answers must carry, or several; null: the first one's.
        faults: why a question has no answer.
        under_way: what each call is about that is claimed and has no reply yet.
        elsewhere: questions that another process is asking.
        lost: questions whose claims another process has taken over while a call about them was under way.
        renewed: when claims were last made or renewed, by two clocks: one stands still while the machine sleeps, one may be set.
        again: groups of questions that the endpoint would not take as they were worded.
        kept_tokens, kept_money: what the answers cost that this block has kept.
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
    kept_tokens: int = 0
    kept_money: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, items: dict[bytes, Item]) -> pl.DataFrame:
        """What is known of every question in the end: question, verdict, reason, and the answer it comes from."""
        found = self.found(list(items))
        open_now = without(list(items), found)
        if open_now:
            self.settle(items, open_now)
            found = pl.concat([found, self.found(open_now)])
        lost = {key: self.faults[key] for key in without(list(self.faults), found)}
        if others := [fault for fault in lost.values() if fault.startswith("another model")]:
            say(f"relabel: {others[0]}; name it as the judge's `reported` if it is to be one of its own")
        silent = pl.DataFrame(
            {"question": list(lost), "verdict": ["unknown"] * len(lost), "reason": list(lost.values())},
            schema={"question": pl.Binary, "verdict": pl.String, "reason": pl.String},
        )
        return pl.concat([found, silent], how="diagonal_relaxed")

    def found(self, keys: list[bytes]) -> pl.DataFrame:
        return self.desk.ledger.find(self.judge, keys, self.desk.retry)

    def settle(self, items: dict[bytes, Item], left: list[bytes]) -> None:
        """Ask until every question has an answer or a fault, whoever asks it."""
        told, since = False, time.monotonic()
        while left:
            self.elsewhere = []
            self.put([items[key] for key in left])
            before, left = len(left), list(dict.fromkeys(self.elsewhere))
            if left and not told:
                say(f"relabel: waiting for {len(left):,} questions that another process is asking now")
                told = True
            if left and self.over():
                self.faults |= dict.fromkeys(left, f"over budget: {self.desk.budget.over}")
                return
            if left:
                time.sleep(POLL)
                left = without(left, self.found(left))
            if len(left) < before:
                since = time.monotonic()
            elif time.monotonic() - since >= LONGEST_WAIT:
                fault = f"stopped: another process has been asking for {LONGEST_WAIT / 3600:g} hours and has not answered"
                self.faults |= dict.fromkeys(left, fault)
                say(f"relabel: {len(left):,} questions are left open: {fault.removeprefix('stopped: ')}")
                return

    def over(self) -> bool:
        """Whether the budget is used up, by time too."""
        budget = self.desk.budget
        reservation = None if budget.over else budget.reserve(0, 0, 0.0)
        if reservation is not None:
            budget.settle(reservation, 0, 0.0)
        return reservation is None

    def put(self, items: list[Item]) -> None:
        """Ask as many of these as this process may; the others are noted as `elsewhere`."""
        self.renewed = (time.monotonic(), time.time())
        with self.claims_renewed(), self.lost_attempts_kept():
            try:
                calls = self.calls(items)
                if self.numbered == 0 and self.wording.extras():
                    # Alone, so that what this endpoint does not know costs one call.
                    self.deliver(islice(calls, 1))
                self.deliver(calls)
                while self.again:
                    groups, self.again = self.again, []
                    numbered = [(self.number(group), group) for group in groups]
                    self.deliver(self.call(group, number) for number, group in numbered)
            finally:
                with self.lock:
                    left = [item.key for group in (*self.under_way.values(), *self.again) for item in group]
                    self.under_way.clear()
                    self.again = []
                    if left:
                        self.desk.ledger.release(self.judge, left)

    @contextmanager
    def lost_attempts_kept(self) -> Iterator[None]:
        """What attempts cost that gave no answer is noted as an answer about nothing, so that the next run knows what is spent.

        A batch that goes on is not lost: whoever collects its answers has them counted.
        """
        if self.wording.settings.later:
            yield
            return
        before, self.kept_tokens, self.kept_money = self.desk.budget.spent, 0, 0.0
        try:
            yield
        finally:
            after = self.desk.budget.spent
            tokens = round(after["tokens"] - before["tokens"]) - self.kept_tokens
            money = after["money"] - before["money"] - self.kept_money
            if tokens > 0 or money > CENT:
                lost = Answer("", None, max(tokens, 0), 0, max(money, 0.0), 0.0)
                self.desk.ledger.record(self.judge, lost, [], self.desk.run, self.desk.retry)

    def deliver(self, calls: Iterable[Call]) -> None:
        self.wording.settings.send(self.endpoint, calls, self.desk.budget, self.on_reply, self.expected)

    @contextmanager
    def claims_renewed(self) -> Iterator[None]:
        """Keep the claims of what is under way from running out while the block lasts."""
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
        """Renew the claims of what is under way. What another process has taken over meanwhile is noted, and not asked any more.

        A renewal that fails is reported once and tried again: the ledger may only be busy.
        """
        with self.lock:
            wanted = self.claimed_now()
        try:
            # Not under the lock: answers are kept meanwhile.
            mine = self.desk.ledger.renew(self.judge, list(wanted)) if wanted else set()
        except Exception as error:  # a thread that ended here would renew nothing any more, without a word
            if not self.failing:
                say(f"relabel: claims could not be renewed, which is tried again every {RENEWED:g} s: {error}")
            self.failing = True
            return
        if self.failing:
            say("relabel: claims are renewed again")
        with self.lock:
            self.failing, self.renewed = False, (time.monotonic(), time.time())
            lost = (wanted - mine) & self.claimed_now()  # what was answered meanwhile is no claim any more
            self.lost |= lost
        if lost:
            say(f"relabel: another process has taken over {len(lost):,} questions, which are not asked here any more")

    def claimed_now(self) -> set[bytes]:
        return {item.key for group in self.under_way.values() for item in group} - self.lost

    def may_ask(self, number: int) -> bool:
        """Whether a call may be sent: for all that is known, its claims are this process's."""
        if self.unsure():
            self.renew()
            if self.unsure():
                return False
        return not any(item.key in self.lost for item in self.under_way.get(number, ()))

    def unsure(self) -> bool:
        """Whether claims have not been renewed for so long that another process may take them over."""
        monotonic, wall = self.renewed
        return max(time.monotonic() - monotonic, abs(time.time() - wall)) > UNSURE

    def calls(self, items: list[Item]) -> Iterator[Call]:
        """Calls about these questions, claimed as they are needed."""
        batch: list[Item] = []
        most = CLAIMS_A_SLOT * self.endpoint.slots
        for _, of_query in groupby(items, key=lambda item: (item.query, item.positives)):
            batch += of_query
            if len(batch) >= most:
                yield from self.claimed(batch)
                batch = []
        if batch:
            yield from self.claimed(batch)

    def claimed(self, items: list[Item]) -> Iterator[Call]:
        """Calls about those that nobody else asks now and nobody has answered meanwhile."""
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
        unanswered = set(without(claimed, self.found(claimed)))
        if done := mine - unanswered:
            ledger.release(self.judge, list(done))
        # All are noted before the first is sent: if the work ends between two calls, no claim may stay.
        self.lost -= mine
        numbered = [(self.number(group), group) for group in self.groups([item for item in items if item.key in unanswered])]
        yield from (self.call(group, number) for number, group in numbered)

    def call(self, group: list[Item], number: int) -> Call:
        """A call about a group, which is not sent any more once another process has taken the group over."""
        return replace(self.wording.call(group, number), may_ask=partial(self.may_ask, number))

    def number(self, group: list[Item]) -> int:
        """A number for the call about a group, which is under way from now on."""
        with self.lock:
            self.numbered += 1
            self.under_way[self.numbered] = group
            return self.numbered

    def groups(self, items: list[Item]) -> Iterator[list[Item]]:
        """Questions of one call each; those of a listwise prompt are shuffled, so that a rank gives no place away."""
        if self.wording.prompt.kind != "listwise":
            yield from ([item] for item in items)
            return
        for (query, _), group in groupby(items, key=lambda item: (item.query, item.positives)):
            of_query = list(group)
            order = generator(self.desk.seed, self.judge, question_key(query, "").hex()).permutation(len(of_query))
            for start in range(0, len(of_query), self.wording.settings.documents):
                yield [of_query[place] for place in order[start : start + self.wording.settings.documents]]

    def on_reply(self, reply: Reply) -> None:
        """Keep an answer at once; a fault leaves its questions open for the next run."""
        with self.lock:
            group = self.under_way.pop(reply.call.number)
            fault = reply.fault
            if fault is None:
                fault = held_to(reply, self.expected).fault
            if fault and (unknown := self.wording.not_known(reply.call, fault)):
                self.wording.without |= unknown
                say_spared(self.endpoint, sorted(unknown), fault)
                self.again.append(group)
            elif fault and kind(fault) not in ANSWERED:
                keys = [item.key for item in group]
                if kind(fault) == TAKEN_OVER or not self.lost.isdisjoint(keys):
                    self.elsewhere += keys  # to be waited for
                else:
                    self.faults |= dict.fromkeys(keys, fault)
                self.desk.ledger.release(self.judge, keys)
            else:
                self.keep(reply, group)

    def keep(self, reply: Reply, group: list[Item]) -> None:
        """Record what a reply says of the questions of its call."""
        wording = self.wording
        if reply.fault:
            verdicts = [Verdict(item.key, "unknown", reason=reply.fault) for item in group]
        else:
            self.expected = self.expected or reply.model
            read = wording.prompt.parse(reply.text, reply.tops, reply.cut, len(group), wording.settings.positive_from)
            if stopped := habits(self.endpoint).judge_room(reply, any(said.verdict != "unknown" for said in read)):
                say(f"relabel: {self.endpoint.model}: {stopped}")
            verdicts = [
                Verdict(item.key, said.verdict, said.grade, said.probability, said.reason) for item, said in zip(group, read, strict=True)
            ]
        self.kept_tokens += reply.tokens_in + reply.tokens_out
        self.kept_money += reply.money
        answer = Answer(reply.text or "", reply.model, reply.tokens_in, reply.tokens_out, reply.money, reply.seconds, reply.details)
        # An answer of a batch is on the disk before the batch's own files say that it is collected, priced or not.
        self.desk.ledger.record(self.judge, answer, verdicts, self.desk.run, self.desk.retry, durable=wording.settings.later)


def without(keys: list[bytes], found: pl.DataFrame) -> list[bytes]:
    """Those that have no row, in their order."""
    known = set(found["question"])
    return [key for key in keys if key not in known]
