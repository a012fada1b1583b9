"""Calls to an endpoint: one reply each, whatever the server does; nothing hangs, nothing is paid beyond the budget, no key is told."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from email.utils import formatdate

import pytest

from tasks.errors import Refused
from tasks.relabel.budget import Budget
from tasks.relabel.client import FAILURES_IN_A_ROW, Call, Endpoint, Reply, ask_all
from tasks.relabel.habits import habits
from tasks.relabel.said import LONGEST_PAUSE, pause
from tests.relabel.unruly import WRONG, call, completion, drawn, endpoint, heard, serving

SECRET = "sk-this-is-the-very-secret"


SILENT = ("drip", "hang")


def first(way: object):
    """Misbehave at the first attempt only."""
    return lambda name, attempt: way if attempt == 1 else "well"


def always(way: object):
    return lambda name, attempt: way


def test_a_good_server_answers_each_call_once():
    with serving(always("well")) as server:
        replies = heard(server, 50)
    assert sorted(reply.call.number for reply in replies) == list(range(50))
    assert {(reply.text, reply.model, reply.fault, reply.tokens_in, reply.tokens_out, reply.money) for reply in replies} == {
        ("yes", "made-up-1", None, 100, 10, 110.0)
    }
    assert server.good == Counter({f"call {number}": 1 for number in range(50)})


KINDS = {
    "drip": "timed out", "hang": "timed out", "reset": "unreachable", "reset in the middle": "unreachable", "500": "unreachable",
    "429": "unreachable: overloaded (429): slow down", "503": "unreachable: overloaded (503)", "half": "broken: no chat completion",
    "wrong": "broken: no chat completion", "empty": "broken: no chat completion", "long": "broken: an answer of more than 2 MB",
    "nested": "broken: no chat completion",
}  # fmt: skip


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
        replies = {reply.call.number: reply for reply in heard(server, 6, slots=1)}
    assert replies[3].fault == "another model: made-up-2 answered instead of made-up-1"
    assert replies[3].text is None
    assert replies[3].money == 110
    assert [number for number, reply in replies.items() if reply.fault] == [3]
    assert server.attempts["call 3"] == 1


def test_the_first_answer_is_held_to_the_expected_model_too():
    with serving(always("well")) as server:
        (reply,) = heard(server, expected="made-up-0")
    assert reply.fault == "another model: made-up-1 answered instead of made-up-0"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_calls_with_three_faults_in_ten(seed: int):
    budget = Budget(pairs=1000)
    # What ends by the time-out alone is drawn seldom, so that the time-out can be long enough for a busy machine.
    ways = tuple(way for way in WRONG if way not in SILENT) * 6 + SILENT
    with serving(drawn(seed, 0.3, ways)) as server:
        replies = heard(server, 1000, budget, attempts=4, timeout=2, expected="made-up-1")
    assert sorted(reply.call.number for reply in replies) == list(range(1000))
    answered = {f"call {reply.call.number}" for reply in replies if reply.fault is None}
    assert all(reply.text == "yes" for reply in replies if reply.fault is None)
    assert len(answered) > 900
    # Whatever the server answered well was taken, and was asked for once.
    assert server.good == Counter(dict.fromkeys(answered, 1))
    kinds = {reply.fault.partition(":")[0] for reply in replies if reply.fault}
    assert kinds <= {"timed out", "unreachable", "broken", "another model"}
    assert budget.spent["pairs"] == 1000


@pytest.mark.parametrize("limit", [{"tokens": 11_000}, {"money": 11_000.0}, {"pairs": 100}])
def test_a_budget_is_held_and_used_up(limit: dict[str, float]):
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
    calls = [Call(number, ({"role": "user", "content": f"call {number}"},), 900, tokens=100) for number in range(100)]
    replies: list[Reply] = []
    with serving(always("well")) as server:
        ask_all(endpoint(server.url), calls, Budget(tokens=2000), replies.append)
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
    hanging, refusing = Budget(), Budget()
    with serving(always("hang")) as server:
        heard(server, 1, hanging, attempts=2, timeout=0.1)
    with serving(always("500")) as server:
        heard(server, 1, refusing, attempts=2)
    assert hanging.spent == {"pairs": 1, "tokens": 220, "money": 220.0}
    assert refusing.spent == {"pairs": 1, "tokens": 0, "money": 0.0}


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

    replies: list[Reply] = []
    with serving(always("well")) as server:
        ask_all(endpoint(server.url, slots=4), calls(), Budget(), replies.append)
    assert len(replies) == 200
    assert max(most) <= 4 + 4  # under way, and arrived together
    assert server.at_once <= 4


def test_replies_come_in_the_callers_thread():
    threads = set()
    with serving(always("well")) as server:
        ask_all(endpoint(server.url), map(call, range(5)), Budget(), lambda reply: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("code", [401, 403])
def test_a_wrong_key_stops_at_once(code: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", SECRET)
    said = json.dumps({"error": {"message": f"Incorrect key: {SECRET}"}}).encode()
    budget = Budget()
    with serving(always((code, {}, said))) as server, pytest.raises(Refused) as refusal:
        heard(server, 100, budget, key="A_KEY", slots=1)
    assert str(refusal.value).endswith(f"does not let us in ({code}): Incorrect key: ***. Check the environment variable A_KEY.")
    assert server.attempts == Counter({"call 0": 1})
    assert budget.spent["tokens"] == 0
    assert server.headers["authorization"] == f"Bearer {SECRET}"


def test_a_model_that_is_not_there_stops_at_once():
    with serving(always((404, {}, b'{"error": {"message": "model not found"}}'))) as server, pytest.raises(Refused) as refusal:
        heard(server, 100, slots=1)
    assert "no model 'm' (404): model not found" in str(refusal.value)
    assert sum(server.attempts.values()) == 1


def test_what_has_arrived_is_handed_on_before_a_stop():
    replies: list[Reply] = []
    with serving(lambda name, attempt: (401, {}, b"{}") if name == "call 9" else "well") as server, pytest.raises(Refused):
        ask_all(endpoint(server.url, slots=1), map(call, range(100)), Budget(), replies.append)
    assert [reply.call.number for reply in replies] == list(range(9))


def test_what_a_caller_raises_ends_the_work_and_leaves_nothing_held():
    budget = Budget(pairs=100)

    def fail(reply: Reply) -> None:
        raise OSError("disk full")

    with serving(lambda name, attempt: "hang" if name != "call 0" else "well") as server, pytest.raises(OSError, match="disk full"):
        ask_all(endpoint(server.url, slots=8, timeout=60), map(call, range(100)), budget, fail)
    assert budget._held == {"pairs": 0, "tokens": 0, "money": 0}


def test_what_a_source_of_calls_raises_ends_the_work():
    def calls():
        yield call(0)
        raise Refused("no more")

    with serving(always("hang")) as server, pytest.raises(Refused, match="no more"):
        ask_all(endpoint(server.url, timeout=60), calls(), Budget(), lambda reply: None)


def test_the_breaker_says_which_failures_stopped_the_work():
    with serving(always("500")) as server:
        replies = heard(server, 1000, attempts=2, slots=4)
    assert len(replies) == 1000
    stopped = [reply.fault for reply in replies if reply.fault.startswith("stopped")]
    assert len(stopped) >= 1000 - FAILURES_IN_A_ROW - 4
    assert stopped[0] == "stopped: 8 calls in a row failed, the last one: unreachable: status 500: out of order"
    assert sum(server.attempts.values()) <= 2 * (FAILURES_IN_A_ROW + 4)


def test_what_stopped_a_block_of_calls_stops_those_after_it():
    with serving(always("500")) as server:
        heard(server, 20, attempts=1, slots=4)
        before = sum(server.attempts.values())
        replies = heard(server, 20, attempts=1, slots=4)
        assert sum(server.attempts.values()) == before
    assert {reply.fault for reply in replies} == {"stopped: 8 calls in a row failed, the last one: unreachable: status 500: out of order"}


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


def test_calls_that_are_refused_are_not_tried_again():
    said = {
        "call 0": (400, {}, b'{"error": {"message": "This model\'s maximum context length is 10 tokens"}}'),
        "call 1": (400, {}, b'{"error": {"message": "sorry", "code": "content_filter"}}'),
        "call 2": (400, {}, b'{"error": {"message": "no such field: top_k"}}'),
        "call 3": completion(None, message={"content": None, "refusal": "I cannot"}),
        "call 4": completion("half a", finish_reason="content_filter"),
        "call 5": (413, {}, b"<html>"),
    }
    budget = Budget()
    with serving(lambda name, attempt: said[name]) as server:
        faults = {reply.call.number: reply.fault for reply in heard(server, 6, budget)}
    assert faults[0].startswith("too long: This model's maximum")
    assert faults[1] == "refused: sorry"
    assert faults[2] == "broken: status 400: no such field: top_k"
    assert faults[3] == "refused: I cannot"
    assert faults[4] == "refused: content filter"
    assert faults[5].startswith("too long")
    assert set(server.attempts.values()) == {1}
    assert budget.spent["pairs"] == 5  # what the server could not make sense of was not judged


def test_newer_models_name_their_room_otherwise():
    said = b'{"error": {"message": "Unsupported parameter: use max_completion_tokens instead", "code": "unsupported_parameter"}}'

    def behaves(name: str, attempt: int) -> object:
        return "well" if "max_completion_tokens" in server.bodies[-1] else (400, {}, said)

    with serving(behaves) as server:
        replies = heard(server, 30, slots=8)
    assert [reply.fault for reply in replies] == [None] * 30
    assert sum(server.attempts.values()) <= 30 + 8


def test_long_errors_are_not_read_to_their_end():
    with serving(always((500, {}, b"x" * (5 << 20)))) as server:
        (reply,) = heard(server)
    assert reply.fault.startswith("unreachable: status 500: xxx")
    assert len(reply.fault) < 300


def test_a_compressed_answer_is_not_unpacked():
    with serving(always((200, {"Content-Encoding": "gzip"}, b"bomb"))) as server:
        (reply,) = heard(server)
    assert reply.fault == "broken: a compressed answer, which was not asked for"
    assert server.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "usage", [None, {}, "none", [], {"prompt_tokens": -5, "completion_tokens": "7"}, {"prompt_tokens": 10**30, "completion_tokens": True}]
)
def test_nonsense_about_tokens_is_estimated(usage: object):
    with serving(always(completion("x" * 40, usage=usage))) as server:
        (reply,) = heard(server)
    assert (reply.fault, reply.tokens_in, reply.tokens_out) == (None, 100, 11)


def test_alternatives_of_the_first_token():
    tops = [{"token": "no", "logprob": -2.0}, {"token": "yes", "logprob": -0.1}]
    with serving(always(completion(logprobs={"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": tops}]}))) as server:
        (reply,) = heard(server)
    assert reply.tops == (("yes", -0.1), ("no", -2.0))


@pytest.mark.parametrize(
    "logprobs",
    [
        None, "many", {}, {"content": None}, {"content": []}, {"content": [{"top_logprobs": None}]}, {"content": [{"top_logprobs": []}]},
        {"content": [{"top_logprobs": [{"token": "yes"}]}]}, {"content": [{"top_logprobs": [{"token": "yes", "logprob": "high"}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": float("nan")}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": 5}]}]},
    ],
)  # fmt: skip
def test_alternatives_that_cannot_be_read_are_none(logprobs: object):
    with serving(always(completion(logprobs=logprobs))) as server:
        (reply,) = heard(server)
    assert (reply.text, reply.tops, reply.fault) == ("yes", None, None)


def test_texts_that_no_database_takes_are_made_good():
    with serving(always(completion("a\ud800b\0c", model="m\0\ud800"))) as server:
        (reply,) = heard(server)
    assert (reply.text, reply.model) == ("a?b\N{REPLACEMENT CHARACTER}c", "m\N{REPLACEMENT CHARACTER}?")


def test_an_answer_that_was_cut_says_so():
    with serving(always(completion(None, finish_reason="length"))) as server:
        (reply,) = heard(server)
    assert (reply.text, reply.cut, reply.fault) == ("", True, None)


@pytest.mark.parametrize("text", [None, 5, ["yes"], {"yes": 1}])
def test_an_answer_without_a_text_is_broken(text: object):
    with serving(always(completion(text))) as server:
        (reply,) = heard(server, attempts=2)
    assert reply.fault == "broken: an answer without a text"


def test_no_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(always("well")) as server:
        (reply,) = heard(server)
    assert reply.fault is None


def test_a_key_that_is_not_set_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(Refused, match=r"environment variable A_KEY, which is not set: export A_KEY="):
        ask_all(Endpoint(url="http://user:pass@127.0.0.1:9/v1?k=1", model="m", key="A_KEY"), nothing_is_taken(), Budget(), print)


@pytest.mark.parametrize("value", [SECRET + "\n", "sk with blanks", "sk-ключ"])
def test_a_key_that_cannot_be_one_is_refused_without_being_told(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", value)
    with pytest.raises(Refused, match="A_KEY") as refusal:
        ask_all(Endpoint(url="http://127.0.0.1:9/v1", model="m", key="A_KEY"), nothing_is_taken(), Budget(), print)
    assert value.strip() not in str(refusal.value)


@pytest.mark.parametrize("url", ["", "127.0.0.1:80/v1", "ftp://a/v1", "http://", "http://a:port/v1", "http://[::1/v1"])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(Refused, match="is no address of an endpoint"):
        ask_all(Endpoint(url=url, model="m"), nothing_is_taken(), Budget(), print)


def nothing_is_taken():
    raise AssertionError("a call was taken before the endpoint was checked")
    yield


@pytest.mark.parametrize("way", [(500, {}, SECRET.encode()), SECRET.encode(), completion(SECRET), completion(model=SECRET)])
def test_the_key_is_never_told(way: object, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setenv("A_KEY", SECRET)
    with serving(always(way)) as server:
        replies = heard(server, 20, key="A_KEY", expected="other")
        assert SECRET not in repr(endpoint(server.url, key="A_KEY"))
    assert len(replies) == 20
    assert SECRET not in repr(replies)
    assert SECRET not in "".join(capfd.readouterr())


def test_a_short_key_is_no_word_to_strike_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", "e")
    with serving(always("well")) as server:
        (reply,) = heard(server, key="A_KEY")
    assert reply.text == "yes"


def test_a_redirection_is_not_followed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_KEY", SECRET)
    with serving(always("well")) as other, serving(always((307, {"Location": f"{other.url}/chat/completions"}, b""))) as server:
        (reply,) = heard(server, key="A_KEY")
    assert reply.fault.startswith("broken: status 307")
    assert not other.attempts
