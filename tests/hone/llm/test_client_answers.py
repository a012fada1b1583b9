"""What a server answers, read with distrust: refusals, nonsense, texts that are too long or cut."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hone.errors import Refused
from hone.llm.budget import Budget
from hone.llm.client import complete
from hone.llm.completion import Request
from hone.llm.endpoint_state import CUT_PROMPTS, IN_TURN
from tests.hone.llm.unruly import always, completion, endpoint, flat, heard, serving

SECRET = "sk-this-is-the-very-secret"


def test_calls_that_are_refused_are_not_tried_again():
    bodies = {
        "call 0": (
            400,
            {},
            b'{"error": {"message": "This model\'s maximum context length is 10 tokens"}}',
        ),
        "call 1": (400, {}, b'{"error": {"message": "sorry", "code": "content_filter"}}'),
        "call 2": (400, {}, b'{"error": {"message": "no such field: top_k"}}'),
        "call 3": completion(None, message={"content": None, "refusal": "I cannot"}),
        "call 4": completion("half a", finish_reason="content_filter"),
        "call 5": (413, {}, b"<html>"),
    }
    budget = Budget()
    with serving(lambda name, attempt: bodies[name]) as server:
        faults = {reply.request.number: reply.fault for reply in heard(server, 6, budget)}
    assert faults[0].startswith("too long: This model's maximum")
    assert faults[1] == "refused: sorry"
    assert faults[2] == "broken: status 400: no such field: top_k"
    assert faults[3] == "refused: I cannot"
    assert faults[4] == "refused: content filter"
    assert faults[5].startswith("too long")
    assert set(server.attempts.values()) == {1}
    assert budget.spent["pairs"] == 5  # what the server could not make sense of was not judged


def test_newer_models_name_their_room_otherwise():
    body = b'{"error": {"message": "Unsupported parameter: use max_completion_tokens instead", "code": "unsupported_parameter"}}'  # noqa: E501

    def behaves(name: str, attempt: int) -> object:
        return "well" if "max_completion_tokens" in server.bodies[-1] else (400, {}, body)

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
    assert reply.fault == "broken: the response is compressed, which Hone did not request"
    assert server.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        "none",
        [],
        {"prompt_tokens": -5, "completion_tokens": "7"},
        {"prompt_tokens": 10**30, "completion_tokens": True},
    ],
)
def test_nonsense_about_tokens_is_estimated(usage: object):
    with serving(always(completion("x" * 40, usage=usage))) as server:
        (reply,) = heard(server)
    assert (reply.fault, reply.tokens_in, reply.tokens_out) == (None, 100, 11)


def test_alternatives_of_the_first_token():
    tops = [{"token": "no", "logprob": -2.0}, {"token": "yes", "logprob": -0.1}]
    with serving(
        always(
            completion(
                logprobs={"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": tops}]}
            )
        )
    ) as server:
        (reply,) = heard(server)
    assert reply.tops == (("yes", -0.1), ("no", -2.0))


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        "many",
        {},
        {"content": None},
        {"content": []},
        {"content": [{"top_logprobs": None}]},
        {"content": [{"top_logprobs": []}]},
        {"content": [{"top_logprobs": [{"token": "yes"}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": "high"}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": float("nan")}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": 5}]}]},
    ],
)
def test_alternatives_that_cannot_be_read_are_none(logprobs: object):
    with serving(always(completion(logprobs=logprobs))) as server:
        (reply,) = heard(server)
    assert (reply.text, reply.tops, reply.fault) == ("yes", None, None)


def test_texts_that_no_database_takes_are_made_good():
    with serving(always(completion("a\ud800b\0c", model="m\0\ud800"))) as server:
        (reply,) = heard(server)
    assert (reply.text, reply.model) == (
        "a?b\N{REPLACEMENT CHARACTER}c",
        "m\N{REPLACEMENT CHARACTER}?",
    )


def test_an_answer_that_was_cut_says_so():
    with serving(always(completion(None, finish_reason="length"))) as server:
        (reply,) = heard(server)
    assert (reply.text, reply.cut, reply.fault) == ("", True, None)


@pytest.mark.parametrize("text", [None, 5, ["yes"], {"yes": 1}])
def test_an_answer_without_a_text_is_broken(text: object):
    with serving(always(completion(text))) as server:
        (reply,) = heard(server, attempts=2)
    assert reply.fault == "broken: an answer without a text"


REFUSALS = {
    "temperature": (
        {
            "message": "Unsupported value: 'temperature' does not support 0.1 with this model.",
            "param": "temperature",
        },
        400,
    ),
    "seed": ({"message": "Extra inputs are not permitted: seed"}, 422),
    "logprobs": ({"message": "This model does not support logprobs."}, 400),
    "top_logprobs": ({"message": "nope", "param": "top_logprobs"}, 400),
    "max_tokens": ({"message": "unsupported", "param": "max_tokens"}, 400),
}
OPTIONS = {"temperature": 0.1, "seed": 7, "logprobs": True, "top_logprobs": 10}


def optioned(count: int) -> list[Request]:
    return [
        Request(
            number,
            ({"role": "user", "content": f"call {number}"},),
            10,
            tokens=100,
            options=OPTIONS,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "names", [[name] for name in REFUSALS] + [["temperature", "logprobs"], list(REFUSALS)]
)
def test_a_parameter_that_an_endpoint_rejects_is_left_out_at_no_cost_and_logged_once(
    names: list[str], capfd: pytest.CaptureFixture[str]
):
    def behaves(name: str, attempt: int) -> object:
        for refused in names:
            if refused in server.bodies[-1]:
                error, code = REFUSALS[refused]
                return code, {}, json.dumps({"error": error}).encode()
        return "well"

    budget, replies = Budget(), []
    with serving(behaves) as server:
        replies += flat(complete(endpoint(server.url, slots=4, attempts=1), optioned(30), budget))
        n_requests = sum(server.attempts.values())
        replies += flat(complete(endpoint(server.url, slots=4, attempts=1), optioned(30), budget))
        assert sum(server.attempts.values()) == n_requests + 30  # the next block knows
    assert [reply.fault for reply in replies] == [None] * 60
    assert {reply.without for reply in replies} == {
        tuple(name for name in OPTIONS if name not in server.bodies[-1])
    }
    if names == ["temperature"]:
        assert json.loads(replies[0].details) == {"without": ["temperature"]}
    assert budget.spent == {"pairs": 60, "tokens": 60 * 110, "money": 60 * 110.0}
    assert n_requests <= 30 + 4 * len(names)
    body = server.bodies[-1]
    assert (
        not {"logprobs", "top_logprobs"} & body.keys()
        if {"logprobs", "top_logprobs"} & set(names)
        else body["top_logprobs"] == 10
    )
    assert ("max_completion_tokens" if "max_tokens" in names else "max_tokens") in body
    assert ("temperature" in body) == ("temperature" not in names)
    lines = [
        line
        for line in capfd.readouterr().err.splitlines()
        if "; requests are sent without it" in line
    ]
    assert len(lines) == len({"logprobs" if name == "top_logprobs" else name for name in names})


@pytest.mark.parametrize(
    "message",
    [
        "temperature",
        "max_tokens is too large: maximum context length is 10",
        "no such field: temperatures",
        "logprobs_x",
    ],
)
def test_a_refusal_of_something_else_is_one(message: str):
    with serving(always((400, {}, json.dumps({"error": {"message": message}}).encode()))) as server:
        (reply,) = heard(server)
    assert reply.fault.startswith(("broken: status 400", "too long"))
    assert server.attempts["call 0"] == 1


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "yes", "reasoning_content": "no, no"}, "yes"),
        ({"content": "yes", "reasoning": "no, no"}, "yes"),
        ({"content": None, "reasoning_content": "no, no"}, ""),
        ({"content": "[THINK]no[/THINK]yes"}, "[THINK]no[/THINK]yes"),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "no"}]},
                    {"type": "text", "text": "yes"},
                ]
            },
            "yes",
        ),
    ],
)
def test_thoughts_beside_an_answer_are_none_of_it(message: dict, text: str):
    """And the first token's alternatives are those of a thought."""
    tops = {
        "content": [
            {"token": "no", "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": -0.1}]}
        ]
    }
    with serving(always(completion(message=message, logprobs=tops))) as server:
        (reply,) = heard(server)
    assert (reply.fault, reply.text, reply.tops) == (None, text, None)


def test_the_fingerprint_of_the_configuration_is_kept():
    with serving(always(completion(system_fingerprint="fp_44709d6fcb"))) as server:
        (reply,) = heard(server)
    assert reply.system == "fp_44709d6fcb"
    assert json.loads(reply.details) == {"system_fingerprint": "fp_44709d6fcb"}


def long_calls(letters: int, count: int = 1) -> list[Request]:
    words = "apples keep a week in a cool room. "
    content = (words * (letters // len(words) + 1))[:letters]
    return [
        Request(number, ({"role": "user", "content": content},), 10, tokens=letters // 4)
        for number in range(count)
    ]


def counting(tokens: int, **more: object) -> bytes:
    return completion(usage={"prompt_tokens": tokens, "completion_tokens": 10} | more)


def replies_to(server: object, calls: list[Request], budget: Budget | None = None) -> list:
    return flat(complete(endpoint(server.url, slots=1, attempts=1), calls, budget or Budget()))


def test_a_prompt_that_the_server_cut_in_silence_gives_no_verdict_and_soon_no_more_calls():
    """The worked case of a context of 2,050 tokens for some 7,900: 25 documents of which it
    never saw most.
    """
    budget = Budget()
    with serving(always(counting(2050))) as server:
        replies = replies_to(server, long_calls(31_600, 20), budget)
        assert len(server.bodies) == CUT_PROMPTS
    assert replies[0].fault == "cut: it read 2,050 of about 7,900 tokens"
    assert replies[0].text is None
    assert budget.spent["tokens"] == CUT_PROMPTS * 2060  # they are paid all the same
    assert replies[-1].fault.startswith(
        "stopped: the server cuts prompts (it read 2,050 of about 7,900 tokens of the last one)"
    )
    assert "num_ctx" in replies[-1].fault
    assert "`context`" in replies[-1].fault


@pytest.mark.parametrize(("every", "stops"), [(2, True), (5, True), (40, False)])
def test_prompts_that_are_cut_between_others_add_up_where_they_are_many(every: int, stops: bool):
    calls = [
        replace(long_calls(31_600 if number % every == 0 else 4000)[0], number=number)
        for number in range(200)
    ]
    with serving(lambda name, attempt: counting(min(2050, len(name) // 4))) as server:
        replies = replies_to(server, calls)
    assert (
        any((reply.fault or "").startswith("stopped: the server cuts prompts") for reply in replies)
        == stops
    )
    assert sum((reply.fault or "").startswith("cut: ") for reply in replies) >= CUT_PROMPTS


@pytest.mark.parametrize(
    ("letters", "usage"),
    [
        (31_600, {"prompt_tokens": 7900}),
        (31_600, {"prompt_tokens": 4000}),
        (31_600, {"prompt_tokens": 60_000}),
        (31_600, {}),
        (900, {"prompt_tokens": 100}),
        (31_600, {"prompt_tokens": 1}),
        (31_600, {"prompt_tokens": 2050, "prompt_tokens_details": {"cached_tokens": 5850}}),
        (31_600, {"prompt_tokens": 2050, "cache_read_input_tokens": 5850}),
    ],
)
def test_other_ways_to_count_are_no_alarm(letters: int, usage: dict):
    with serving(always(completion(usage=usage))) as server:
        (reply,) = replies_to(server, long_calls(letters))
    assert reply.fault is None


def test_a_count_that_leaves_out_what_a_cache_had_is_no_alarm():
    """Some servers count only what their cache lacked: less than for an earlier prompt, so that
    it is no end of a context.
    """
    counts = iter([7900, 2050, 2100, 2000, 1900])
    with serving(lambda name, attempt: counting(next(counts))) as server:
        replies = replies_to(server, long_calls(31_600, 5))
    assert [reply.fault for reply in replies] == [None] * 5


@pytest.mark.parametrize(
    "text",
    [
        "黄山归来不看岳。" * 4000,
        "สวัสดีครับ " * 2000,
        " " * 40_000,
        "=" * 40_000,
        "| - | - |\n" * 3000,
        "0123456789abcdef" * 2000,
    ],
)
def test_languages_and_rows_of_signs_are_no_alarm(text: str):
    """Few tokens for many letters: a token of any tokenizer has some 5 letters of a text at
    most, and a long run of one sign is one.
    """
    tokens = {" ": 300, "=": 600}.get(text[0], len(text) // 5)
    with serving(always(counting(tokens))) as server:
        (reply,) = replies_to(server, [Request(0, ({"role": "user", "content": text},), 10)])
    assert reply.fault is None


def test_two_models_in_turn_are_refused_at_the_start_with_both_names():
    def behaves(name: str, attempt: int) -> object:
        return completion(model="m-2025-01" if int(name.split()[1]) % 2 else "m-2025-04")

    with (
        serving(behaves) as server,
        pytest.raises(Refused, match=r"`reported: \[m-2025-01, m-2025-04\]`"),
    ):
        heard(server, 1000, slots=1)
    assert len(server.bodies) == 2 * IN_TURN
    with serving(behaves) as server:
        replies = heard(
            server, 100, expected=("m-2025-01", "m-2025-04"), reported=("m-2025-01", "m-2025-04")
        )
    assert [reply.fault for reply in replies] == [None] * 100
    with serving(always(completion(model="m-2025-07"))) as server:
        (reply,) = heard(
            server, 1, expected=("m-2025-01", "m-2025-04"), reported=("m-2025-01", "m-2025-04")
        )
    assert reply.fault == "another model: m-2025-07 answered instead of m-2025-01 or m-2025-04"
