"""Calls to an endpoint: one reply each, whatever the server does; nothing hangs, nothing is paid
beyond the budget, no key is told.
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections import Counter
from email.utils import formatdate

import pytest

from hone.errors import Refused
from hone.llm.budget import Budget
from hone.llm.client import Caller, complete
from hone.llm.completion import Completion, Request
from hone.llm.endpoint_state import FAILURES_IN_A_ROW, habits
from hone.llm.retry_policy import LONGEST_PAUSE, pause
from tests.hone.llm import answering
from tests.hone.llm.unruly import (
    WRONG,
    always,
    call,
    completion,
    drawn,
    endpoint,
    first,
    flat,
    heard,
    serving,
)

SECRET = "sk-this-is-the-very-secret"


SILENT = ("drip", "hang")


def test_a_good_server_answers_each_call_once():
    with serving(always("well")) as server:
        replies = heard(server, 50)
    assert sorted(reply.request.number for reply in replies) == list(range(50))
    assert {
        (reply.text, reply.model, reply.fault, reply.tokens_in, reply.tokens_out, reply.money)
        for reply in replies
    } == {("yes", "made-up-1", None, 100, 10, 110.0)}
    assert server.good == Counter({f"call {number}": 1 for number in range(50)})


KINDS = {
    "drip": "timed out",
    "hang": "timed out",
    "reset": "unreachable",
    "reset in the middle": "unreachable",
    "500": "unreachable",
    "429": "unreachable: overloaded (429): slow down",
    "503": "unreachable: overloaded (503)",
    "half": "broken: no chat completion",
    "wrong": "broken: no chat completion",
    "empty": "broken: no chat completion",
    "long": "broken: the response exceeds 2 MB",
    "nested": "broken: no chat completion",
}


@pytest.mark.parametrize("way", KINDS)
def test_what_never_passes_is_given_up_with_its_reason(way: str):
    with serving(always(way)) as server:
        (reply,) = heard(server, attempts=2, timeout=0.3 if way in SILENT else 60)
    assert reply.fault.startswith(KINDS[way])
    assert reply.text is None
    assert server.attempts["call 0"] == 2


@pytest.mark.parametrize("way", KINDS)
def test_what_passes_is_tried_again(way: str):
    with serving(first(way)) as server:
        (reply,) = heard(server, timeout=1 if way in SILENT else 60)
    assert (reply.text, reply.fault, server.good["call 0"]) == ("yes", None, 1)


def test_every_way_to_misbehave_is_tried():
    assert set(KINDS) | {"other model"} == set(WRONG)


def test_another_model_is_a_fault_that_is_not_tried_again():
    with serving(lambda name, attempt: "other model" if name == "call 3" else "well") as server:
        replies = {reply.request.number: reply for reply in heard(server, 6, slots=1)}
    assert replies[3].fault == "another model: made-up-2 answered instead of made-up-1"
    assert replies[3].text is None
    assert replies[3].money == 110
    assert [number for number, reply in replies.items() if reply.fault] == [3]
    assert server.attempts["call 3"] == 1


def test_the_first_answer_is_checked_for_the_expected_model_too():
    with serving(always("well")) as server:
        (reply,) = heard(server, expected="made-up-0")
    assert reply.fault == "another model: made-up-1 answered instead of made-up-0"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_calls_with_three_faults_in_ten(seed: int):
    budget = Budget(pairs=1000)
    # What ends by the time-out alone is drawn seldom, so that the time-out can be long enough for a
    # busy machine.
    ways = tuple(way for way in WRONG if way not in SILENT) * 6 + SILENT
    with serving(drawn(seed, 0.3, ways)) as server:
        replies = heard(server, 1000, budget, attempts=4, timeout=2, expected="made-up-1")
    assert sorted(reply.request.number for reply in replies) == list(range(1000))
    answered = {f"call {reply.request.number}" for reply in replies if reply.fault is None}
    assert all(reply.text == "yes" for reply in replies if reply.fault is None)
    assert len(answered) > 900
    # Whatever the server answered well was taken, and was asked for once.
    assert server.good == Counter(dict.fromkeys(answered, 1))
    kinds = {reply.fault.partition(":")[0] for reply in replies if reply.fault}
    assert kinds <= {"timed out", "unreachable", "broken", "another model"}
    assert budget.spent["pairs"] == 1000


@pytest.mark.parametrize("limit", [{"tokens": 11_000}, {"money": 11_000.0}, {"pairs": 100}])
def test_a_budget_is_never_exceeded_and_used_up(limit: dict[str, float]):
    budget = Budget(**limit)
    with serving(always("well")) as server:
        replies = heard(server, 300, budget)
    (name, most), over = next(iter(limit.items())), [reply for reply in replies if reply.fault]
    assert len(replies) == 300
    assert {reply.fault.partition(":")[0] for reply in over} == {"over budget"}
    assert len(server.good) == len(replies) - len(over) == 100
    assert budget.spent[name] == most
    assert budget.over in over[0].fault


def test_room_that_calls_do_not_use_is_used_by_others():
    calls = [
        Request(number, ({"role": "user", "content": f"call {number}"},), 900, tokens=100)
        for number in range(100)
    ]
    with serving(always("well")) as server:
        replies = flat(complete(endpoint(server.url), calls, Budget(tokens=2000)))
    # Each uses 110; a call is made while 1,000 are left: 10 * 110 = 1,100 > 2,000 - 1,000.
    assert sum(reply.fault is None for reply in replies) == 10


def test_faults_do_not_break_the_budget():
    budget = Budget(tokens=30_000)
    with serving(drawn(5, 0.3, tuple(way for way in WRONG if way not in SILENT))) as server:
        replies = heard(server, 400, budget)
    assert len(replies) == 400
    assert budget.spent["tokens"] <= 30_000
    paid = sum(server.good.values()) * 110
    assert paid <= budget.spent["tokens"]


def test_what_was_perhaps_paid_counts_as_paid():
    hanging = Budget()
    with serving(always("hang")) as server:
        heard(server, 1, hanging, attempts=2, timeout=0.1)
    assert hanging.spent == {"pairs": 1, "tokens": 220, "money": 220.0}


@pytest.mark.parametrize(
    ("code", "tokens"),
    [
        (408, 220),
        (409, 220),
        (429, 0),
        (500, 220),
        (502, 220),
        (503, 0),
        (504, 220),
        (520, 220),
        (524, 220),
    ],
)
def test_a_gateway_that_gave_up_may_have_to_be_paid_and_one_that_was_too_busy_not(
    code: int, tokens: int
):
    """Gateways give up (504, 524) after the model has worked; only those that say that they did
    not begin (429, 503) are free.
    """
    budget = Budget()
    with serving(always((code, {}, b"{}"))) as server:
        heard(server, 1, budget, attempts=2)
    assert budget.spent == {"pairs": 1, "tokens": tokens, "money": float(tokens)}


def test_an_endpoint_that_counts_more_tokens_than_we_do_does_not_break_the_budget():
    more = {"prompt_tokens": 250, "completion_tokens": 10}
    budget = Budget(tokens=2600)
    with serving(always(completion(usage=more))) as server:
        replies = heard(server, 40, budget, slots=1)
    assert sum(reply.fault is None for reply in replies) == 10
    assert budget.spent["tokens"] == 2600


def test_minutes_end_the_work():
    times = iter([0.0, 1.0] + [61.0] * 1000)
    budget = Budget(minutes=1, clock=lambda: next(times))
    with serving(always("well")) as server:
        replies = heard(server, 20, budget, slots=1)
    assert 0 < sum(reply.fault is None for reply in replies) < 20
    assert replies[-1].fault == "over budget: the budget of 1 minutes is used up"


def test_calls_are_taken_as_they_can_be_made():
    taken, most = [], []

    def calls():
        for number in range(200):
            taken.append(number)
            most.append(len(taken) - len(replies))
            yield call(number)

    replies: list[Completion] = []
    with serving(always("well")) as server:
        for received in complete(endpoint(server.url, slots=4), calls(), Budget()):
            replies += received
    assert len(replies) == 200
    assert max(most) <= 4 + 4  # under way, and arrived together
    assert server.at_once <= 4


def test_requests_are_taken_in_the_callers_thread():
    threads = set()

    def requests():
        for number in range(5):
            threads.add(threading.get_ident())
            yield call(number)

    with serving(always("well")) as server:
        assert len(flat(complete(endpoint(server.url), requests(), Budget()))) == 5
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("code", [401, 403])
def test_a_wrong_key_stops_at_once(code: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", SECRET)
    body = json.dumps({"error": {"message": f"Incorrect key: {SECRET}"}}).encode()
    budget = Budget()
    with serving(always((code, {}, body))) as server, pytest.raises(Refused) as refusal:
        heard(server, 100, budget, key="A_KEY", slots=1)
    assert str(refusal.value).endswith(
        f"authentication failed ({code}): Incorrect key: ***. Check the environment variable A_KEY."
    )
    assert server.attempts == Counter({"call 0": 1})
    assert budget.spent["tokens"] == 0
    assert server.headers["authorization"] == f"Bearer {SECRET}"


def test_a_model_that_is_not_there_stops_at_once():
    with (
        serving(always((404, {}, b'{"error": {"message": "model not found"}}'))) as server,
        pytest.raises(Refused) as refusal,
    ):
        heard(server, 100, slots=1)
    assert "no model 'm' (404): model not found" in str(refusal.value)
    assert sum(server.attempts.values()) == 1


def test_what_has_arrived_is_handed_on_before_a_stop():
    replies: list[Completion] = []
    with (
        serving(lambda name, attempt: (401, {}, b"{}") if name == "call 9" else "well") as server,
        pytest.raises(Refused),
    ):
        for received in complete(endpoint(server.url, slots=1), map(call, range(100)), Budget()):
            replies += received
    assert [reply.request.number for reply in replies] == list(range(9))


def test_a_call_that_fails_last_of_all_stops_the_work_too(monkeypatch: pytest.MonkeyPatch):
    """It ends after `advance` has looked for failures, and before the loop of events rests."""
    attempt, advance = Caller.attempt, Caller.advance

    async def attempt_last(self: Caller, request: Request) -> None:
        if request.number == 3:
            while len(self.running) > 1:
                await asyncio.sleep(0)
            raise Refused("the key has expired")
        await attempt(self, request)

    async def advance_late(self: Caller) -> None:
        await advance(self)
        await asyncio.gather(*self.running, return_exceptions=True)
        await asyncio.sleep(0)

    monkeypatch.setattr(Caller, "attempt", attempt_last)
    monkeypatch.setattr(Caller, "advance", advance_late)
    replies: list[Completion] = []
    with serving(always("well")) as server, pytest.raises(Refused, match="expired"):
        for received in complete(endpoint(server.url, slots=8), map(call, range(4)), Budget()):
            replies += received
    assert len(replies) == 3


def test_an_error_of_the_caller_ends_the_work_and_leaves_nothing_reserved():
    budget = Budget(pairs=100)

    with (
        serving(lambda name, attempt: "hang" if name != "call 0" else "well") as server,
        pytest.raises(OSError, match="disk full"),
    ):
        for _ in complete(endpoint(server.url, slots=8, timeout=60), map(call, range(100)), budget):
            raise OSError("disk full")
    assert budget._reserved == {"pairs": 0, "tokens": 0, "money": 0}


def test_a_run_that_is_closed_early_ends_its_calls():
    budget = Budget(pairs=100)
    with serving(lambda name, attempt: "hang" if name != "call 0" else "well") as server:
        completions = complete(
            endpoint(server.url, slots=8, timeout=60), map(call, range(100)), budget
        )
        assert [completion.request.number for completion in next(completions)] == [0]
        completions.close()
    assert budget._reserved == {"pairs": 0, "tokens": 0, "money": 0}
    assert len(server.attempts) <= 9


def test_every_completion_that_is_paid_has_been_yielded_when_the_caller_takes_over():
    """Four responses at once: a caller that ends the run after the first yield has all that were
    received.
    """
    with answering.serving(lambda body: "yes" if together.wait(60) >= 0 else "no") as server:
        for _ in range(20):
            together, budget = threading.Barrier(4), Budget()
            completions = complete(
                endpoint(server.url, slots=4, timeout=60), map(call, range(4)), budget
            )
            received = len(next(completions))
            assert budget.spent["tokens"] == 110 * received
            completions.close()


def test_what_a_source_of_requests_raises_comes_after_the_completions_received_before():
    def requests():
        yield call(0)
        yield call(1)
        raise Refused("the ledger could not be read")

    received = []
    with serving(always("well")) as server, pytest.raises(Refused, match="could not be read"):
        for together in complete(endpoint(server.url, slots=1), requests(), Budget()):
            received += together
    assert [completion.request.number for completion in received] == [0, 1]


def test_ctrl_c_while_a_completion_is_awaited_ends_the_calls():
    budget = Budget(pairs=100)
    with serving(lambda name, attempt: "hang" if name != "call 0" else "well") as server:
        completions = complete(
            endpoint(server.url, slots=8, timeout=60), map(call, range(100)), budget
        )
        assert len(next(completions)) == 1
        threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            next(completions)
    assert budget._reserved == {"pairs": 0, "tokens": 0, "money": 0}


def test_what_a_source_of_calls_raises_ends_the_work():
    def calls():
        yield call(0)
        raise Refused("no more")

    with serving(always("hang")) as server, pytest.raises(Refused, match="no more"):
        flat(complete(endpoint(server.url, timeout=60), calls(), Budget()))


def test_the_breaker_says_which_failures_stopped_the_work():
    """Beside the 8 there are up to 4 calls in flight, and 5 that have failed and were not
    counted yet.
    """
    most = FAILURES_IN_A_ROW + 4 + 5
    with serving(always("500")) as server:
        replies = heard(server, 1000, attempts=2, slots=4)
    assert len(replies) == 1000
    stopped = [reply.fault for reply in replies if reply.fault.startswith("stopped")]
    assert len(stopped) >= 1000 - most
    assert (
        stopped[0]
        == "stopped: 8 calls in a row failed, the last one: unreachable: status 500: out of order"
    )
    assert sum(server.attempts.values()) <= 2 * most


def test_what_stopped_a_block_of_calls_stops_those_after_it():
    with serving(always("500")) as server:
        heard(server, 20, attempts=1, slots=4)
        before = sum(server.attempts.values())
        replies = heard(server, 20, attempts=1, slots=4)
        assert sum(server.attempts.values()) == before
    assert {reply.fault for reply in replies} == {
        "stopped: 8 calls in a row failed, the last one: unreachable: status 500: out of order"
    }


def test_a_block_of_calls_begins_at_the_pace_that_the_one_before_it_came_to():
    with serving(first("429")) as server:
        heard(server, 16, slots=16, attempts=4)
        slower = habits(endpoint(server.url)).load.limit
        assert slower < 16
        heard(server, 1, slots=16)
        assert habits(endpoint(server.url)).load.limit <= slower + 1 / slower


def test_a_server_that_is_not_there():
    budget = Budget()
    with serving(always("well")) as server:
        pass
    (reply,) = heard(server, 1, budget)
    assert reply.fault == f"unreachable: ConnectError at {server.url}"
    assert budget.spent["tokens"] == 0


def test_a_storm_of_429_is_waited_out_with_fewer_calls_at_once():
    with serving(lambda name, attempt: "429" if attempt < 3 else "well") as server:
        replies = heard(server, 40, slots=8, attempts=4)
    assert [reply.fault for reply in replies] == [None] * 40
    assert set(server.attempts.values()) == {3}


def test_retry_after_is_waited_for():
    arrived = []

    def behaves(name: str, attempt: int) -> object:
        arrived.append(time.monotonic())
        return (429, {"Retry-After": "0.3"}, b"{}") if attempt == 1 else "well"

    with serving(behaves) as server:
        (reply,) = heard(server)
    assert reply.fault is None
    assert arrived[1] - arrived[0] >= 0.3


def test_retry_after_is_a_number_or_a_date():
    assert pause("7") == 7
    assert pause("0") == 0
    assert pause("-3") == 0
    assert pause("86400") == LONGEST_PAUSE
    assert 50 < pause(formatdate(time.time() + 60, usegmt=True)) <= 60
    assert pause(formatdate(time.time() - 60, usegmt=True)) == 0
    for nonsense in (None, "soon", "nan", "inf", "Wed, 99 Foo 2026 00:00:00 GMT"):
        assert pause(nonsense) is None
