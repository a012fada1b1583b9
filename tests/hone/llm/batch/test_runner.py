"""Batches of a vendor: one reply a call, each fault with its reason, nothing beyond the budget."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from hone.llm.batch import runner
from hone.llm.batch.runner import FIRST, complete_in_batches
from hone.llm.budget import Budget
from hone.llm.completion import Completion, Request
from hone.llm.endpoint_state import FAILURES_IN_A_ROW, THOUGHTS_IN_A_ROW, habits
from tests.hone.llm.batch.batching import IDLE, abandoned, collected, faults, state
from tests.hone.llm.batch.made_up_vendor import failed, lost, selling, well
from tests.hone.llm.unruly import call, completion, endpoint


def test_a_batch_answers_each_call_once_and_leaves_nothing_behind():
    budget = Budget()
    with selling(busy=3) as vendor:
        replies = collected(vendor, 50, budget)
    assert {number: reply.text for number, reply in replies.items()} == {
        number: f"to call {number}" for number in range(50)
    }
    assert {
        (reply.fault, reply.model, reply.tokens_in, reply.tokens_out, reply.money, reply.cut)
        for reply in replies.values()
    } == {(None, "made-up-1", 100, 10, 110.0, False)}
    assert sorted(vendor.prompts(0)) == sorted(f"call {number}" for number in range(50))
    assert vendor.calls("file-0")[0]["body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "call 0"}],
        "max_tokens": 10,
    }
    assert (len(vendor.batches), vendor.direct, state()) == (1, [], [])
    assert budget.spent == {"pairs": 50, "tokens": 5500, "money": 5500.0}
    assert budget._reserved == IDLE


def test_options_are_sent_as_they_are():
    options = {"temperature": 0.1, "logprobs": True, "top_logprobs": 10}
    calls = [
        Request(number, ({"role": "user", "content": "the same"},), 7, options=options)
        for number in range(2)
    ]
    with selling() as vendor:
        replies = collected(vendor, calls=calls)
    assert [line["body"] for line in vendor.calls("file-0")] == [
        {"model": "m", "messages": [{"role": "user", "content": "the same"}], "max_tokens": 7}
        | options
    ] * 2
    assert [reply.fault for reply in replies.values()] == [None, None]


def test_the_first_call_to_an_unknown_endpoint_is_made_directly_at_twice_the_price():
    budget = Budget()
    with selling() as vendor:
        replies = collected(vendor, 10, budget, met=False)
        again = collected(vendor, range(10, 20), budget, met=True)
    assert vendor.direct == ["call 0"]
    assert [len(vendor.prompts(number)) for number in (0, 1)] == [9, 10]
    assert replies[0].money == 220
    assert budget.spent == {"pairs": 20, "tokens": 2200, "money": 20 * 110 + 110.0}
    assert not faults(replies | again)


def test_what_is_wrong_with_all_calls_shows_before_a_batch():
    def fail(what, time):
        return (
            (400, b'{"error": {"message": "no temperature, please"}}') if "chat" in what else None
        )

    with selling(wrong=fail) as vendor:
        replies = collected(vendor, 100, met=False)
    assert len(replies) == 100
    assert not vendor.batches
    assert vendor.requests["POST /chat/completions"] == FIRST
    assert (
        replies[99].fault
        == "stopped: the first 3 calls failed, the last one: broken: status 400: no temperature, "
        "please"
    )


def test_a_call_that_would_be_a_batch_of_its_own_is_made_directly():
    with selling() as vendor:
        replies = collected(vendor, 5, most=2)
    assert [len(vendor.prompts(number)) for number in (0, 1)] == [2, 2]
    assert vendor.direct == ["call 4"]
    assert not faults(replies)


def test_batches_are_cut_by_bytes_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "MOST_BYTES", 500)
    with selling() as vendor:
        replies = collected(vendor, 20)
    assert len(vendor.batches) > 2
    assert (
        max(len(content) for name, content in vendor.files.items() if b"messages" in content)
        < 500 + 250
    )
    assert not faults(replies)


def test_calls_are_taken_as_they_fit_into_a_batch():
    taken, most = [], []

    def calls():
        for number in range(40):
            taken.append(number)
            most.append(len(taken) - len(replies))
            yield call(number)

    replies: list[Completion] = []
    with selling() as vendor:
        habits(endpoint(vendor.url)).heard = True
        for received in complete_in_batches(
            endpoint(vendor.url), calls(), Budget(), poll=0.01, most=10
        ):
            replies += received
    assert len(replies) == 40
    assert max(most) <= 11


LINES = {
    "too long": failed(400, "maximum context length is 10 tokens"),
    "refused: not this": failed(400, "not this: content_filter"),
    "broken: status 400: no such field": failed(400, "no such field"),
    "unreachable: status 500: out of order": failed(500, "out of order"),
    "unreachable: status Non": {"response": {"status_code": None, "body": None}, "error": None},
    "broken: batch batch-": None,
    "broken: batch batch-1 has": b"",
    "broken: batch batch-1 has no": b'{"custom_id": "NAME", "resp',
    "broken: batch batch-1 has no response": b"[" * 100_000,
    "broken: batch batch-1 has no response to": b'{"custom_id": "NAME", "x": "'
    + b"x" * (10 << 20)
    + b'"}',
    "broken: no chat completion": {
        "response": {"status_code": 200, "body": {"choices": []}},
        "error": None,
    },
    "broken: no chat completion but 'null'": {
        "response": {"status_code": 200, "body": None},
        "error": None,
    },
    "broken: an answer without": {
        "response": {"status_code": 200, "body": json.loads(completion(5))},
        "error": None,
    },
    "refused: I cannot": {
        "response": {
            "status_code": 200,
            "body": json.loads(completion(None, message={"refusal": "I cannot"})),
        }
    },
    "another model: made-up-2": {
        "response": {"status_code": 200, "body": json.loads(completion(model="made-up-2"))},
        "error": None,
    },
    "timed out: this request batch expired": lost("batch_expired"),
    "stopped: this request batch cancelled": lost("batch_cancelled"),
    "broken: neither": {"response": None, "error": None},
    "broken: neither response": {"response": "x", "error": 7},
}


@pytest.mark.parametrize("fault", LINES)
def test_what_fails_in_every_batch_has_its_reason(fault: str):
    budget = Budget()

    # Two of them, so that the second turn is a batch as well.
    def answers(prompt, turn):
        return LINES[fault] if prompt in ("call 3", "call 4") else well(prompt, turn)

    with selling(answers=answers) as vendor:
        replies = collected(vendor, 30, budget, expected="made-up-1")
    assert len(replies) == 30
    assert set(faults(replies)) == {3, 4}
    assert all(message.startswith(fault) for message in faults(replies).values())
    assert replies[3].text is None or "refused" in fault
    assert state() == []
    assert budget._reserved == IDLE


PASSING = [
    name
    for name in LINES
    if name.startswith(
        ("unreachable", "timed out", "broken: batch", "broken: no chat", "broken: an")
    )
]


@pytest.mark.parametrize("fault", PASSING)
def test_what_fails_in_one_batch_gets_another(fault: str):
    budget = Budget(pairs=30)

    def answers(prompt, turn):
        return LINES[fault] if prompt in ("call 3", "call 4") and turn == 1 else well(prompt, turn)

    with selling(answers=answers) as vendor:
        replies = collected(vendor, 30, budget)
    assert not faults(replies)
    assert sorted(vendor.prompts(1)) == ["call 3", "call 4"]
    paid = 0 if fault.startswith("timed out") else 2 * 110
    assert budget.spent == {"pairs": 30, "tokens": 30 * 110 + paid, "money": 30 * 110 + paid}


def test_names_that_are_repeated_or_unknown():
    def answers(prompt: str, turn: int) -> bytes:
        line = json.dumps({"custom_id": "NAME"} | well(prompt, turn)).encode()
        strange = [
            {"custom_id": "strange"} | well("x", 1),
            {"custom_id": 5},
            {"custom_id": None},
            {},
            {"custom_id": ["NAME"]},
        ]
        return b"\n".join(
            [line, *(json.dumps(other).encode() for other in strange), line, b"", b"5", b'"x"']
        )

    budget = Budget()
    with selling(answers=answers) as vendor:
        replies = collected(vendor, 10, budget)
    assert {number: reply.text for number, reply in replies.items()} == {
        number: f"to call {number}" for number in range(10)
    }
    assert budget.spent["tokens"] == 1100


def test_newer_models_name_their_room_otherwise():
    failure = failed(
        400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    )
    with selling() as vendor:
        vendor.answers = lambda prompt, turn: (
            well(prompt, turn) if len(vendor.batches) > 1 else failure
        )
        replies = collected(vendor, 20)
    assert not faults(replies)
    assert (
        vendor.calls(vendor.batches[1]["input_file_id"])[0]["body"]["max_completion_tokens"] == 10
    )


def test_a_batch_that_failed_as_a_whole_stops_the_work():
    budget = Budget()
    errors = {
        "object": "list",
        "data": [
            {
                "code": "token_limit_exceeded",
                "message": "Enqueued token limit reached",
                "line": None,
            }
        ],
    }
    with selling(
        ends=lambda number: {"status": "failed", "errors": errors, "output_file_id": None}
    ) as vendor:
        replies = collected(vendor, 30, budget, most=10)
    assert len(vendor.batches) == 1
    assert replies[0].fault == "broken: batch batch-0 failed: Enqueued token limit reached"
    assert replies[29].fault == "stopped: batch batch-0 failed: Enqueued token limit reached"
    assert budget.spent == IDLE
    assert state() == []


def test_calls_of_a_failed_batch_are_made_again_in_another():
    failed = {"status": "failed", "output_file_id": None}
    with selling(
        finish=False, ends=lambda number: {"status": "completed"} if number else failed
    ) as vendor:
        abandoned(vendor)
        vendor.finish.set()
        first = collected(vendor, [4])
        rest = collected(vendor, 10)
    assert first[4].fault == "broken: batch batch-0 failed: the vendor gives no reason"
    assert not faults(rest)
    assert len(vendor.batches) == 2


@pytest.mark.parametrize(
    "errors", [None, [], {}, {"data": None}, {"data": [None]}, {"data": [{"message": 5}]}, "x" * 10]
)
def test_a_batch_that_failed_and_says_nonsense(errors: object):
    with selling(
        ends=lambda number: {"status": "failed", "errors": errors, "output_file_id": None}
    ) as vendor:
        replies = collected(vendor, 2)
    assert all(
        reply.fault.startswith("broken: batch batch-0 failed: ") for reply in replies.values()
    )


def test_the_results_of_an_expired_batch_are_kept_and_the_rest_is_sent_again():
    def answers(prompt, turn):
        return well(prompt, turn) if turn == 2 or prompt < "call 3" else None

    budget = Budget()
    with selling(
        answers=answers, ends=lambda number: {"status": "completed" if number else "expired"}
    ) as vendor:
        replies = collected(vendor, 10, budget)
    assert not faults(replies)
    assert sorted(vendor.prompts(1)) == [f"call {number}" for number in range(3, 10)]
    assert budget.spent == {"pairs": 10, "tokens": 1100, "money": 1100.0}


def test_batches_that_only_expire_come_to_an_end():
    with selling(
        answers=lambda prompt, turn: None, ends=lambda number: {"status": "expired"}
    ) as vendor:
        replies = collected(vendor, 40, most=20)
    assert len(vendor.batches) == 1
    assert {reply.fault for reply in replies.values()} == {
        "stopped: all 20 requests of batch batch-0 failed, the last one: timed out: batch batch-0 "
        "has expired"
    }


def test_a_batch_that_a_person_cancelled_is_not_repeated():
    def answers(prompt, turn):
        return well(prompt, turn) if prompt < "call 3" else None

    with selling(answers=answers, ends=lambda number: {"status": "cancelled"}) as vendor:
        replies = collected(vendor, 20, most=10)
    assert sorted(number for number, reply in replies.items() if not reply.fault) == [0, 1, 2]
    assert {reply.fault for reply in replies.values() if reply.fault} == {
        "stopped: batch batch-0 was cancelled"
    }
    assert len(vendor.batches) == 1


def test_the_breaker_stops_after_a_batch_of_which_nothing_is_answered():
    with selling(answers=lambda prompt, turn: failed(400, "no such field")) as vendor:
        replies = collected(vendor, 100, most=FAILURES_IN_A_ROW)
    assert len(replies) == 100
    assert len(vendor.batches) == 1
    assert (
        replies[99].fault
        == "stopped: all 8 requests of batch batch-0 failed, the last one: broken: status 400: no "
        "such field"
    )


@pytest.mark.parametrize("limit", [{"tokens": 11_000}, {"money": 11_000.0}, {"pairs": 100}])
def test_a_budget_is_never_exceeded_and_used_up(limit: dict[str, float]):
    budget = Budget(**limit)
    with selling() as vendor:
        replies = collected(vendor, 300, budget)
    over = faults(replies)
    assert len(replies) - len(over) == sum(vendor.turns.values()) == 100
    assert {message.partition(":")[0] for message in over.values()} == {"over budget"}
    assert budget.spent[next(iter(limit))] == next(iter(limit.values()))


def test_room_that_a_batch_does_not_use_is_used_by_the_next():
    calls = [
        Request(number, ({"role": "user", "content": f"call {number}"},), 900, tokens=100)
        for number in range(100)
    ]
    budget = Budget(tokens=3300)
    with selling() as vendor:
        replies = collected(vendor, budget=budget, calls=calls)
    # 3 at most 1,000 each fit at once; they use 330. Then 2 of 2,970, which use 220, and so on: it
    # ends when less than 1,000 are left.
    assert sum(not reply.fault for reply in replies.values()) == 21
    assert budget.spent["tokens"] == 21 * 110
    assert 3300 - budget.spent["tokens"] < 1000


def test_when_the_minutes_are_over_the_batch_goes_on_and_is_collected_next_time():
    with selling(finish=False) as vendor:
        replies, budget = abandoned(vendor)
        later = "batch batch-0 goes on, and the next run with the same requests collects it"
        assert {reply.fault for reply in replies.values()} == {
            f"over budget: the budget of 1 minutes is used up; {later}"
        }
        assert budget.spent == {
            "pairs": 10,
            "tokens": 1100,
            "money": 1100.0,
        }  # they may have to be paid
        vendor.finish.set()
        assert not faults(collected(vendor, 10))
    assert len(vendor.batches) == 1
    assert state() == []


def test_an_endpoint_that_cannot_be_reached_for_a_while():
    def wrong(what: str, time: int) -> object:
        if what == "GET /batches/batch" and time < 6:
            return (
                (500, b"x"),
                (503, b"", {"Retry-After": "0"}),
                "reset",
                (200, b'{"half'),
                (200, b"[]"),
            )[time - 1]
        if what == "GET /files/file/content" and time < 3:
            return ("reset", (500, b"x"))[time - 1]
        if what in ("POST /files", "POST /batches") and time < 3:
            return ((429, b"slow down", {"Retry-After": "0.01"}), (500, b"<html>"))[time - 1]
        return None

    with selling(wrong=wrong) as vendor:
        replies = collected(vendor, 10)
    assert not faults(replies)
    assert len(vendor.batches) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_thousand_calls_with_three_faults_in_ten(seed: int):
    draw = random.Random(seed)
    ways = [line for line in LINES.values() if not isinstance(line, bytes) or len(line) < 1 << 20]
    budget = Budget(pairs=1000)

    def answers(prompt, turn):
        return draw.choice(ways) if draw.random() < 0.3 else well(prompt, turn)

    def trouble(what, time):
        return draw.choice(["reset", (500, b"x"), (200, b"{}")]) if draw.random() < 0.3 else None

    with selling(answers=answers, wrong=trouble, after=trouble) as vendor:
        replies = collected(
            vendor, 1000, budget, most=100, expected="made-up-1", attempts=12, backoff=0.001
        )
    assert sorted(replies) == list(range(1000))
    good = {number: reply for number, reply in replies.items() if not reply.fault}
    assert len(good) > 700
    assert all(reply.text == f"to call {number}" for number, reply in good.items())
    assert max(vendor.turns.values()) <= 2
    assert budget.spent["pairs"] <= 1000
    assert budget._reserved == IDLE


def test_no_batch_is_submitted_to_a_model_that_thinks_before_it_answers():
    """The first answer was cut, and says nothing: single calls show whether it is a run, before
    thousands are paid.
    """
    with selling() as vendor:
        where = endpoint(vendor.url)
        habits(where).heard, habits(where).thoughts = True, 1
        budget, replies = Budget(), []

        for (reply,) in complete_in_batches(where, map(call, range(30)), budget, poll=0.01):
            habits(where).judge_room(replace(reply, cut=True), read=False)
            replies.append(reply)
    assert not vendor.batches
    assert len(vendor.direct) == THOUGHTS_IN_A_ROW - 1
    assert replies[-1].fault.startswith("stopped: 5 answers in a row were cut")


@pytest.mark.parametrize(
    "message", ["Unsupported value: 'temperature' is not 1", "use max_completion_tokens"]
)
def test_what_a_batch_is_refused_for_is_left_out_of_the_next(message: str):
    name = "temperature" if "temperature" in message else "max_tokens"

    def answers(prompt: str, turn: int) -> dict:
        line = next(
            line
            for line in vendor.calls(vendor.batches[-1]["input_file_id"])
            if line["body"]["messages"][-1]["content"] == prompt
        )
        return failed(400, message) if name in line["body"] else well(prompt, turn)

    calls = [replace(call(number), options={"temperature": 0.1}) for number in range(10)]
    with selling(answers=answers) as vendor:
        budget = Budget()
        replies = collected(vendor, budget=budget, calls=calls)
    assert not faults(replies)
    assert len(vendor.batches) == 2
    assert budget.spent["tokens"] == 10 * 110
