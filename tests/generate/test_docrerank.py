"""docrerank: similar queries that a document does not answer."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.data import training_set
from tasks.generate.decisions import read_decision
from tests.generate.imitation import instead, number_in, question_of, shown
from tests.generate.test_stage import DOCUMENTS, documents_only, prepare, read
from tests.hone.llm.answering import serving
from tests.stages import generate, start

ALONE = {"methods": ["docrerank"], "filters": [], "dev": 0}


def decide(*answered: str):
    """Yes to the query of the document, and to the similar queries that begin with a number."""

    def answer(body: dict) -> str:
        query = shown(body, "query")
        yes = "outside" in query or any(
            query.startswith(f"which stone makes {n} ") for n in answered
        )
        return "yes" if yes else "no"

    return answer


def test_three_unanswered_queries_join_the_query_of_each_document(workspace: Path):
    documents_only()
    with serving(instead(Yes_or_no=decide())) as server:
        prepare(server, ALONE)
        generate("ours")
        calls = len(server.requests)
    # a document: its query, its check, the similar queries, and three of them checked twice
    assert calls == 8 * (1 + 1 + 1 + 3 * 2)
    queries, labels = read("queries"), read("qrels")
    assert len(queries) == 32
    assert labels["relevance"].value_counts(sort=True).rows() == [(0, 24), (1, 8)]
    texts = {row["doc_id"]: row["text"] for row in DOCUMENTS}
    joined = labels.join(queries, on="query_id")
    for doc_id, text, relevance in joined.select("doc_id", "text", "relevance").iter_rows():
        number = number_in(texts[doc_id])
        if relevance:
            assert text == f"which creature makes music for item {number} outside"
        else:
            assert text in {
                f"which stone makes {place} sounds for item {number}" for place in (1, 2, 3)
            }
    assert read("removed").is_empty()
    assert read("documents").is_empty()


def test_negative_queries_are_for_rerankers_and_rounds_with_all_queries(workspace: Path):
    documents_only()
    with serving(instead(Yes_or_no=decide())) as server:
        prepare(server, ALONE)
        generate("ours")
    start()
    assert len(training_set.read().queries()) == 8
    unlabelled = training_set.read(unlabelled=True)
    assert len(unlabelled.queries()) == 32
    assert len(unlabelled.unanswered()) == 24


def test_a_query_that_one_check_finds_answered_is_replaced_by_the_next(workspace: Path):
    documents_only()

    def answer(body: dict) -> str:
        second = "contains it" in body["messages"][0]["content"]
        return decide("2" if second else "1")(body)

    with serving(instead(Yes_or_no=answer)) as server:
        prepare(server, ALONE)
        generate("ours")
    labels = read("qrels").filter(relevance=0).join(read("queries"), on="query_id")
    places = labels["text"].str.extract(r"makes (\d+)").unique(maintain_order=True)
    assert sorted(places) == ["3", "4", "5"]
    removed = read("removed")
    assert removed["rule"].unique().to_list() == ["negative-answerable"]
    assert len(removed) == 16


@pytest.mark.parametrize(
    ("answers", "rule", "left"),
    [
        ({"Yes_or_no": decide(*map(str, range(1, 13)))}, "negative-answerable", 8),
        ({"Yes_or_no": "I cannot decide this."}, "undecided", 0),
        ({"Yes_or_no": ""}, "no-text", 0),
        ({"Yes_or_no": "no"}, "not-answerable", 0),
        ({"Queries": ""}, "no-text", 8),
        ({"Queries": lambda body: shown(body, "query")}, "negative-copy", 8),
    ],
)
def test_what_is_missing_has_a_reason(workspace: Path, answers: dict, rule: str, left: int):
    documents_only()
    with serving(instead(**({"Yes_or_no": decide()} | answers))) as server:
        prepare(server, ALONE)
        generate("ours")
    assert len(read("queries")) == left
    removed = read("removed")
    assert removed["rule"].unique().to_list() == [rule]
    assert set(removed["doc_id"]) == {row["doc_id"] for row in DOCUMENTS}


def test_of_several_candidates_the_first_answered_one_is_kept(workspace: Path):
    documents_only()
    asked: list[str] = []

    def question(body: dict) -> str:
        asked.append(question_of(body))
        place = asked.count(asked[-1])
        return f"candidate {place} for {number_in(shown(body, 'document'))}"

    with serving(
        instead(
            Question=question,
            Yes_or_no=lambda body: (
                "no" if shown(body, "query").startswith("candidate 1") else "yes"
            ),
        )
    ) as server:
        prepare(server, ALONE | {"methods": [{"docrerank": {"candidates": 3}}]})
        generate("ours")
    assert len(read("queries").filter(pl.col("text").str.starts_with("candidate 2"))) == 8
    rules = dict(read("removed").group_by("rule").len().rows())
    assert rules["not-answerable"] == 8
    assert rules["spare"] == 8


def test_a_round_trip_is_only_asked_of_queries_with_a_positive(workspace: Path):
    documents_only()
    with serving(instead(Yes_or_no=decide())) as server:
        prepare(server, ALONE | {"filters": [{"round-trip": {"by": "bm25", "rank": 1}}]})
        generate("ours")
    assert len(read("qrels").filter(relevance=0)) == 24
    removed = read("removed")
    assert set(removed["rule"]) <= {"round-trip"}
    assert len(removed) == 8 - len(read("qrels").filter(relevance=1))


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        ("yes", True),
        ("Yes.", True),
        ("**No**", False),
        ("no, because it is about stones", False),
        ("NO", False),
        ("not at all", None),
        ("yesterday", None),
        ("maybe yes", None),
        ("", None),
    ],
)
def test_a_decision_is_the_first_word(answer: str, decision: bool | None):
    assert read_decision(answer) is decision
