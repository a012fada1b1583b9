"""Vectors from an endpoint: asked for once, kept in the store, refused where they are none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hone.encoders import endpoint as module
from hone.encoders.endpoint import EndpointEncoder
from hone.errors import Refused
from hone.files import home
from tests.embeddings import SECRET, Server, server, vector_of, vectors_of

__all__ = ["server"]


def encoder(server: Server, **more: object) -> EndpointEncoder:
    return EndpointEncoder(
        **{"url": server.url, "model": "theirs", "batch": 3, "attempts": 3, "similarity": "dot"}
        | more
    )


def test_every_text_has_its_own_vector_whatever_the_order_of_the_answer(server: Server):
    texts = [f"{letter}{'b' * number}" for number, letter in enumerate("abcdeabcde")]
    found = encoder(server).vectors([texts[:4], texts[4:]], "document").take(slice(None))
    assert np.array_equal(found, np.array([vector_of(text) for text in texts], dtype=np.float32))


def test_no_text_is_requested_twice(server: Server):
    encoder(server).vectors([["a", "b", "a", "c"]], "document")
    encoder(server).vectors([["c", "a", "d"]], "document")
    assert sorted(server.texts) == ["a", "b", "c", "d"]


def test_what_a_kill_interrupts_is_kept_so_far(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ROWS", 3)

    server.statuses = [200, 400]
    with pytest.raises(Refused, match="rejected 1 texts"):
        encoder(server).vectors([["a", "b", "c", "z"]], "document")
    server.requests = []
    encoder(server).vectors([["a", "b", "c", "z"]], "document")
    assert server.texts == ["z"]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"version": "2"},
        {"dimensions": 5},
        {"characters": 9},
        {"prompts": {"document": "d: "}},
    ],
)
def test_another_model_prompt_or_version_is_another_space(server: Server, change: dict):
    encoder(server).vectors([["a"]], "document")
    encoder(server, **change).vectors([["a"]], "document")
    assert len(server.texts) == 2


def test_prompts_and_cuts_are_what_is_sent(server: Server):
    client = encoder(
        server, prompts={"query": "ask: ", "document": None}, characters=4, dimensions=5
    )
    client.queries(["abcdefgh"])
    client.vectors([["abcdefgh", ""]], "document")
    assert sorted(server.texts) == [
        " ",
        "abcd",
        "ask: abcd",
    ]  # an empty text is a blank, for endpoints refuse it
    assert all(body["dimensions"] == 5 for body in server.requests)


def test_an_overloaded_endpoint_is_retried(server: Server):
    server.statuses = [429, 500]
    assert len(encoder(server).queries(["a"])) == 1


def test_the_key_is_sent_and_never_printed(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THEIR_KEY", SECRET)
    encoder(server, key="THEIR_KEY").queries(["a"])
    assert server.keys == {f"Bearer {SECRET}"}
    server.statuses = [401]
    with pytest.raises(
        Refused, match="authentication failed .*Check the environment variable THEIR_KEY"
    ) as refusal:
        encoder(server, key="THEIR_KEY").queries(["b"])
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "the model or URL does not exist"),
        (400, "rejected 1 texts .HTTP 400.. If texts are too long"),
        (403, "authentication failed"),
    ],
)
def test_what_will_never_do_is_refused(server: Server, status: int, message: str):
    server.statuses = [status]
    with pytest.raises(Refused, match=message):
        encoder(server).queries(["a"])


def test_a_key_that_is_not_set(server: Server):
    with pytest.raises(Refused, match="NOWHERE, which is not set"):
        encoder(server, key="NOWHERE").queries(["a"])


def test_nobody_listens():
    with pytest.raises(
        Refused, match=r"127\.0\.0\.1:9/v1 with the model 'm' cannot be reached .*1 attempts"
    ):
        EndpointEncoder("http://127.0.0.1:9/v1", "m", attempts=1).queries(["a"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "did not return one vector of equal length for each of 2 texts"),
        (
            [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
            "did not return one vector of equal length for each",
        ),
        (
            [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
            "did not return one vector of equal length for each",
        ),
        ([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": ["x"]}], "not numbers"),
        ([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": ["2.0"]}], "not numbers"),
        ([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [10**400]}], "not numbers"),
        (
            [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1e39]}],
            "NaN or values that are too large",
        ),
        (
            [{"index": {"at": 0}, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}],
            "did not return one vector of equal length for each",
        ),
        (
            [
                {"index": 0, "embedding": [1.0]},
                {"index": 1, "embedding": [1.0]},
                {"index": 1, "embedding": [2.0]},
            ],
            "did not return one vector",
        ),
        (7, "did not return one vector of equal length for each"),
        ([{"index": 0, "embedding": []}, {"index": 1, "embedding": []}], "not numbers"),
        (
            [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [float("nan")]}],
            "NaN or values that are too large",
        ),
    ],
)
def test_what_is_no_vector_is_refused_and_not_kept(server: Server, data: object, message: str):
    server.answer = lambda body: {
        "object": "list",
        "data": data,
        "model": "theirs",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
    with pytest.raises(Refused, match=message):
        encoder(server).queries(["a", "b"])
    server.answer = vectors_of
    assert len(encoder(server).queries(["a", "b"])) == 2


def test_a_model_that_changes_its_dimension_meanwhile(server: Server):
    lengths = iter([2, 3])
    server.answer = lambda body: {
        "object": "list",
        "model": "theirs",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [
            {"index": place, "embedding": [1.0] * length}
            for length in [next(lengths)]
            for place in range(len(body["input"]))
        ],
    }
    with pytest.raises(
        Refused, match="returned 3-dimensional vectors, but returned 2-dimensional ones before"
    ):
        encoder(server, batch=1, slots=1).queries(["a", "b"])


@pytest.mark.parametrize(
    "body",
    [b'{"object": "list", "data": [{"index": 0, "embed', b"<html>", b"[" * 100_000, b"\xff\xfe{"],
)
def test_an_answer_that_breaks_off_or_is_no_json(server: Server, body: bytes):
    server.answer = lambda _: iter([body])
    with pytest.raises(Refused, match="returned invalid or incomplete JSON"):
        encoder(server).queries(["a"])


def test_an_answer_longer_than_vectors_can_be_is_not_read_to_its_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "LONGEST_VECTOR", 1 << 20)
    sent = []

    def endless(_: dict) -> Iterator[bytes]:
        while len(sent) < 200:
            sent.append(1)
            yield b" " * (1 << 20)

    server.answer = endless
    with pytest.raises(
        Refused, match="the response exceeds 5 MB"
    ):  # 2, and one for each text of a batch
        encoder(server, attempts=1).queries(["a"])
    assert len(sent) < 100


def test_an_answer_that_drips_has_an_end(server: Server):
    over = threading.Event()
    server.answer = lambda _: iter(lambda: b"" if over.wait(0.05) else b" ", b"")
    with pytest.raises(Refused, match="cannot be reached .TimeoutError, 1 attempts"):
        encoder(server, attempts=1, timeout=0.5).queries(["a"])
    over.set()


def test_a_vector_of_zeros_has_no_cosine(server: Server):
    server.answer = lambda body: {
        "object": "list",
        "data": [{"index": 0, "embedding": [0.0, -0.0]}],
        "model": "theirs",
    }
    with pytest.raises(Refused, match="a zero vector, whose cosine is undefined"):
        encoder(server, similarity="cosine").queries(["a"])
    assert len(encoder(server).queries(["a"])) == 1  # a dot product with it is a number


def test_a_key_that_is_wanted_and_not_named(server: Server):
    server.statuses = [401]
    with pytest.raises(Refused, match="HTTP 401.. Set `key` to the environment variable"):
        encoder(server).queries(["a"])


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{SECRET}@127.0.0.1:9/v1",
        f"http://127.0.0.1:9/v1?key={SECRET}",
        f"http://127.0.0.1:9/v1#{SECRET}",
    ],
)
def test_an_address_with_a_secret_is_refused_and_kept_nowhere(workspace: Path, url: str):
    client = EndpointEncoder(url, "m", attempts=1)
    with pytest.raises(
        Refused, match="contains a user, a password, a query or a fragment"
    ) as refusal:
        client.queries(["a"])
    assert SECRET not in str(refusal.value)
    assert SECRET not in str(client.space("query").description)
    assert not [
        file
        for file in home().rglob("*")
        if file.is_file() and SECRET.encode() in file.read_bytes()
    ]


def answering_as(name: str | None, dimension: int = 5):
    def answer(body: dict) -> dict:
        data = [
            {"index": place, "embedding": vector_of(text)[:dimension]}
            for place, text in enumerate(body["input"])
        ]
        return {
            "object": "list",
            "model": name,
            "data": data,
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }

    return answer


def test_another_model_behind_the_endpoint_is_refused_with_both_names(server: Server):
    """Documents of one model and queries of another have scores that mean nothing, and nobody
    sees it.
    """
    server.answer = answering_as("bge-small")
    encoder(server, prompts={"query": "q: "}).vectors([["a", "b"]], "document")
    server.answer = answering_as("bge-large")
    for route in ("document", "query"):
        with pytest.raises(
            Refused,
            match="reports the model 'bge-large', but the vectors in the embedding cache come "
            "from 'bge-small'.*set `version`",
        ):
            encoder(server, prompts={"query": "q: "}).vectors([["c"]], route)
    assert encoder(server).vectors([["a", "b"]], "document").take(slice(None)).shape == (
        2,
        5,
    )  # what is there needs no endpoint
    assert len(encoder(server, version="2").vectors([["c"]], "document")) == 1


def test_another_model_in_the_middle_of_a_run_is_refused(server: Server):
    names = iter(["one", "one", "other"])
    server.answer = lambda body: answering_as(next(names))(body)  # noqa: PLW0108
    with pytest.raises(Refused, match="reports the model 'other', but .* 'one'"):
        encoder(server, batch=1, slots=1).queries(["a", "b", "c"])


def test_another_dimension_between_two_runs_is_refused_with_both(server: Server):
    server.answer = answering_as("tiny", 5)
    encoder(server).queries(["a"])
    server.answer = answering_as("tiny", 3)
    with pytest.raises(
        Refused,
        match=r"reports the model 'tiny', returned 3-dimensional vectors, but returned "
        r"5-dimensional ones before .as 'tiny'.",
    ):
        encoder(server).queries(["b"])
    assert encoder(server).queries(["a"]).take(slice(None)).shape == (1, 5)


def test_an_endpoint_that_names_no_model_is_known_by_its_first_name(server: Server):
    server.answer = answering_as(None)
    encoder(server).queries(["a"])
    server.answer = answering_as("named")
    encoder(server).queries(["b"])
    server.answer = answering_as("renamed")
    with pytest.raises(Refused, match="'renamed', but .* from 'named'"):
        encoder(server).queries(["c"])
