"""Texts are asked for once, whatever happens in between."""

from __future__ import annotations

import pytest

from hone.errors import Refused
from hone.generation.prompt import load
from hone.generation.session import CUT, FAULT, TEXT, WritingSettings
from hone.generation.write import WritingDesk, ask_to_write, make_item
from hone.llm.budget import Budget
from hone.llm.completion import Endpoint
from hone.llm.ledger.ledger import Ledger
from tests.hone.llm.answering import Server, documents_of, serving


def write(server: Server, *documents: str, sample: int = 0, seed: int = 13, **limits: float):
    """Ask for a question about each document: kind and text."""
    desk = WritingDesk(Ledger(), "test", seed, "generate ours", Budget(**limits))
    items = [make_item({"document": text}, sample=sample) for text in documents]
    endpoint = Endpoint(server.url, "made-up", price_in=1e6, price_out=0, backoff=0.001, attempts=2)
    found = ask_to_write(items, desk, "fingerprint", endpoint, load("question"), WritingSettings())
    return found.select("kind", "text").rows()


def about(body: dict) -> str:
    return f"What about {documents_of(body)[0]}?"


def test_each_text_is_asked_for_once():
    with serving(about) as server:
        assert write(server, "red", "blue", "red") == [
            (TEXT, "What about red?"),
            (TEXT, "What about blue?"),
            (TEXT, "What about red?"),
        ]
        assert len(server.requests) == 2
        assert write(server, "blue", "red") == [
            (TEXT, "What about blue?"),
            (TEXT, "What about red?"),
        ]
        assert len(server.requests) == 2
        write(server, "red", sample=1)
        assert len(server.requests) == 3


def test_every_item_has_a_seed_of_its_own_which_another_seed_of_the_project_changes():
    with serving(about) as server:
        write(server, "red", "blue")
        write(server, "green", seed=14)
        seeds = {documents_of(body)[0]: body["seed"] for body in server.requests}
    assert len(set(seeds.values())) == 3


def test_another_seed_does_not_pay_again():
    with serving(about) as server:
        write(server, "red")
        write(server, "red", seed=14)
        assert len(server.requests) == 1


def test_a_refusal_is_a_result_and_a_failure_is_not():
    def answer(body: dict) -> object:
        text = documents_of(body)[0]
        if text == "secret":
            return 400, "the prompt violates our content policy"
        return (503, "overloaded") if text == "busy" else about(body)

    with serving(answer) as server:
        kinds = dict(
            zip(("red", "secret", "busy"), write(server, "red", "secret", "busy"), strict=True)
        )
        assert kinds["red"] == (TEXT, "What about red?")
        assert kinds["secret"][0] == kinds["busy"][0] == FAULT
        calls = len(server.requests)
        write(server, "secret")
        assert len(server.requests) == calls
        write(server, "busy")
        assert len(server.requests) > calls


def test_a_cut_answer_is_told_from_a_whole_one():
    """The ledger keeps both, so that it is not paid twice."""
    from tests.hone.llm import answering

    whole = answering.completion

    def cut(reply: object, model: str) -> dict:
        found = whole(reply, model)
        found["choices"][0]["finish_reason"] = "length"
        return found

    answering.completion = cut
    try:
        with serving(lambda body: "How are arr") as server:
            assert write(server, "red") == [(CUT, "How are arr")]
            assert write(server, "red") == [(CUT, "How are arr")]
            assert len(server.requests) == 1
    finally:
        answering.completion = whole


def test_a_budget_is_a_hard_limit_and_a_later_run_asks_only_for_the_rest():
    with serving(about) as server:
        found = write(server, "red", "blue", "green", tokens=400)
        written = [text for kind, text in found if kind == TEXT]
        assert 0 < len(written) < 3
        assert any("over budget" in text for kind, text in found if kind == FAULT)
        calls = len(server.requests)
        assert [kind for kind, _ in write(server, "red", "blue", "green")] == [TEXT] * 3
        assert len(server.requests) == 3 > calls


def test_a_rejected_key_ends_the_run_and_keeps_what_was_written():
    calls = []

    def answer(body: dict) -> object:
        calls.append(body)
        return about(body) if len(calls) == 1 else (401, "no such key")

    with serving(answer) as server:
        with pytest.raises(Refused, match="401"):
            write(server, "red", "blue", "green")
        server.answer = about
        before = len(server.requests)
        write(server, "red", "blue", "green")
        assert len(server.requests) == before + 2


def test_an_item_is_named_by_its_texts_examples_and_sample():
    keys = {
        make_item({"document": "a"}).key,
        make_item({"document": "b"}).key,
        make_item({"query": "a"}).key,
        make_item({"document": "a"}, sample=1).key,
        make_item({"document": "a"}, [(("query", "x"),)]).key,
    }
    assert len(keys) == 5
