"""What a server answers, read with distrust: refusals, nonsense, texts that are too long or cut."""

from __future__ import annotations

import pytest

from tasks.relabel.budget import Budget
from tests.relabel.unruly import always, completion, heard, serving

SECRET = "sk-this-is-the-very-secret"


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
