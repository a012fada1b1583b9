"""Queries without an answer, made from another collection."""

from __future__ import annotations

from pathlib import Path

import pytest

from hone.data import tables
from hone.errors import Refused
from tasks.collect.no_answer import no_answer
from tests.prepared import collected, pairs, write_params, write_rows

SUITE = {"source": "no-answer", "path": "data/ours"}
OURS = {"source": "folder", "path": "inputs/ours"}
NUMBERS = range(1, 41)


@pytest.fixture
def ours(workspace: Path) -> Path:
    """Forty test queries, each with an answer of its own and one that it shares with its
    neighbour; q1 with a chunked one.
    """
    documents = [{"doc_id": f"d{number}", "text": f"text {number}"} for number in NUMBERS]
    documents += [
        {"doc_id": f"c{number}", "text": f"chunk {number}", "parent_id": "p"} for number in (1, 2)
    ]
    documents += [
        {"doc_id": f"s{number}", "text": f"shared {number}"} for number in range(1, 21)
    ] + [{"doc_id": "free", "text": "free"}]
    queries = [
        {"query_id": f"q{number}", "text": f"what is {number}", "split": "test"}
        for number in NUMBERS
    ]
    queries += [{"query_id": "t", "text": "training", "split": "train"}]
    labels = [
        (f"q{number}", doc) for number in NUMBERS for doc in (f"d{number}", f"s{(number + 1) // 2}")
    ]
    write_rows(Path("inputs/ours"), documents, queries, pairs(*labels, ("q1", "p"), ("t", "free")))
    write_params(
        collections={"ours": OURS, "suite": SUITE}, train_on=["ours"], evaluate_on=["ours", "suite"]
    )
    return Path("data/ours")


def test_all_answers_of_drawn_queries_are_removed_and_others_stay(ours: Path):
    # params.yaml names data/ours, which is not there before `collect` has made it.
    collected(collections={"ours": OURS, "suite": SUITE})
    suite = Path("data/suite")
    documents = set(tables.read("documents", suite / "documents.parquet")["doc_id"])
    queries = tables.read("queries", suite / "test" / "queries.parquet")["query_id"].to_list()
    labels = tables.read("qrels", suite / "test" / "qrels.parquet")
    assert sorted(queries) == sorted(f"q{number}" for number in NUMBERS)
    without = set(queries) - set(labels["query_id"])
    assert 10 <= len(without) <= 30
    before = tables.read("qrels", ours / "test" / "qrels.parquet")
    for query, doc in before.select("query_id", "doc_id").iter_rows():
        names = {"c1", "c2"} if doc == "p" else {doc}
        if query in without:
            assert not names & documents
        elif doc.startswith("d"):
            assert names <= documents
    assert "free" in documents
    assert set(labels["doc_id"]) <= documents | {"p"}
    # The other collection is as it was.
    assert len(tables.read("documents", ours / "documents.parquet")) == 63


def test_the_draw_is_not_the_one_that_made_the_split(ours: Path):
    """A split takes the lowest hashes for test: by the same hashes every test query would be
    drawn.
    """
    from hone.seeds import unit_hashes
    from tasks.collect.no_answer import DRAW

    texts = [f"query {number}" for number in range(2_000)]
    test = [text for text, place in zip(texts, unit_hashes(texts), strict=True) if place < 0.15]
    drawn = (unit_hashes(test, DRAW) < 0.5).mean()
    assert 0.35 < drawn < 0.65


def test_what_cannot_be_made(ours: Path):
    with pytest.raises(
        Refused,
        match="data/ours contains no collection. For `source: no-answer`, `path` is data/NAME",
    ):
        no_answer(Path("data/ours"))
    collected(collections={"ours": OURS})
    with pytest.raises(
        Refused,
        match=r"of the 40 answerable test queries of data/ours, 40 remain answerable.*`share` "
        r"\(now 1e-09\)",
    ):
        no_answer(Path("data/ours"), share=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"suite": {"source": "no-answer", "path": "data/our"}},
            "`path` is data/our, but no-answer needs the name of another collection; did you",
        ),
        (
            {"suite": {"source": "no-answer", "path": "data/suite"}},
            "needs the name of another collection",
        ),
        (
            {"suite": {"source": "no-answer", "path": "inputs/ours"}},
            "needs the name of another collection",
        ),  # though it is there
    ],
)
def test_a_path_that_is_no_other_collection(ours: Path, changes: dict, message: str):
    write_params(
        collections={"ours": OURS} | changes, train_on=["ours"], evaluate_on=["ours", "suite"]
    )
    with pytest.raises(Refused, match=message):
        collected(collections={})
