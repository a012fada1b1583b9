"""What strata read of a collection, and what is said where one does not part its queries."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.compare.query_strata import Tables, list_strata, slice_queries
from hone.encoders.encoder import Reading
from tests.report.made_up import save, write_all
from tests.tiny_model import tiny_model


@pytest.fixture
def collection(workspace: Path) -> Path:
    """Four test queries whose answer is d1; BM25 ranks d1 fourth, fourth, second and second,
    after d3.
    """
    write_all()
    return Path("data/made-up")


def of(**changes: object) -> Tables:
    given = {
        "collection": "made-up",
        "split": "test",
        "min_relevance": 1,
        "language": "english",
        "reading": Reading(4),
    }
    given["compare_with"] = ("r0", "bm25")
    return Tables(**given | changes)


def answer(folder: Path, **docs: str) -> None:
    save(
        "qrels",
        {"query_id": list(docs), "doc_id": list(docs.values())}
        | {"relevance": 1, "weight": 1.0, "source": "made up"},
        folder / "test" / "qrels.parquet",
    )


def test_bm25_decides_what_is_hard_and_who_is_the_rival(collection: Path):
    answer(collection, t1="d1", t2="d9", t3="d3", t4="d3")
    assert dict(slice_queries(of(), ("difficulty",)).levels.select("query_id", "level").rows()) == {
        "t1": "2 to 10",
        "t2": "beyond",
        "t3": "first",
        "t4": "first",
    }
    rivals = of().rivals.select("query_id", "doc_id", "text").sort("query_id").rows()
    assert rivals == [
        ("t1", "d3", "text of d3"),
        ("t2", "d3", "text of d3"),
        ("t3", "d1", "text of d1"),
        ("t4", "d1", "text of d1"),
    ]


def test_a_query_without_a_term_is_in_no_level_that_goes_by_words(
    collection: Path, capsys: pytest.CaptureFixture
):
    """BM25 finds nothing for `of the`, which does not make the query hard."""
    text_of = {"t1": "sort a list", "t2": "of the", "t3": "sort", "t4": "sort"}
    save(
        "queries",
        {"query_id": list(text_of), "text": list(text_of.values())},
        collection / "test" / "queries.parquet",
    )
    answer(collection, t1="d1", t2="d9", t3="d3", t4="d3")
    levels = dict(slice_queries(of(), ("difficulty",)).levels.select("query_id", "level").rows())
    assert levels == {"t1": "2 to 10", "t3": "first", "t4": "first"}
    assert "made-up: 1 of 4 test queries have no term" in capsys.readouterr().err


def test_training_is_its_queries_and_their_known_answers(collection: Path):
    # d4, d5 and d9 are answers that were hidden from training.
    assert set(of().training["text"]) == {
        "sum of an array",
        "sort a list",
        "invert a matrix",
        "text of d1",
        "text of d2",
        "text of d3",
    }


def test_a_parent_stands_for_its_chunks(collection: Path):
    texts = {"d1": "one", "d2": "two", "d3": "three"}
    save(
        "documents",
        {"doc_id": list(texts), "text": list(texts.values()), "parent_id": ["p", "p", None]},
        collection / "documents.parquet",
    )
    answer(collection, t1="p", t2="d3")
    assert of().answers.rows() == [("t1", "d1", "one"), ("t1", "d2", "two"), ("t2", "d3", "three")]


def test_lengths_are_what_the_model_reads(collection: Path):
    tiny_model(Path("models/r0"))
    long = "red green blue round"
    save(
        "documents",
        {"doc_id": ["d1", "d2"], "text": ["red cat", long]},
        collection / "documents.parquet",
    )
    answer(collection, t1="d1", t2="d2")
    # Two words and the two special tokens are four, which are read whole; a prompt of two tokens
    # (`big :`) makes six.
    assert of().lengths.rows() == [("d1", 4), ("d2", 6)]
    assert of().limit == 4
    assert of(reading=Reading(None)).limit == 32  # the model's own
    assert dict(slice_queries(of(), ("long",)).levels.select("query_id", "level").rows()) == {
        "t1": "whole",
        "t2": "cut",
    }
    prompted = of(reading=Reading(4, (("document", "big: "),)))
    assert prompted.lengths["tokens"].to_list() == [6, 8]
    assert slice_queries(prompted, ("long",)).left_out == {
        "long": "all queries have the same level: every relevant document is truncated"
    }


def test_slices_that_do_not_separate_queries_are_reported_and_the_others_remain(collection: Path):
    # A loop before this one left bm25's ranking there; of another corpus, it may be.
    assert Path("reports/runs/bm25/made-up.trec").exists()
    found = slice_queries(of(compare_with=("r0",)))
    assert (
        set(found.left_out)
        == {"dated", "difficulty", "long", "overlap", "unseen"}
        == set(list_strata())
    )
    assert found.left_out["dated"] == "no relevant document has a date"
    assert "`compare_with` does not list bm25" in found.left_out["overlap"]
    assert "tokenizer.json" in found.left_out["long"]
    assert found.levels.is_empty()
    save(
        "dates",
        {"doc_id": ["d1"], "clock": ["calendar"], "date": ["2020"]},
        collection / "dates.parquet",
    )
    answer(collection, t1="d1", t2="d2")
    assert slice_queries(of(compare_with=("r0",))).levels.rows() == [
        ("t1", "dated", "older"),
        ("t2", "dated", "undated"),
    ]


def test_a_missing_ranking_is_named_by_its_file(collection: Path):
    Path("reports/runs/bm25/made-up.trec").unlink()
    assert (
        "reports/runs/bm25/made-up.trec is missing"
        in slice_queries(of(), ("difficulty",)).left_out["difficulty"]
    )


def test_grades_below_min_relevance_are_no_answers(collection: Path):
    qrels = pl.DataFrame(
        {"query_id": ["t1", "t1"], "doc_id": ["d1", "d2"], "relevance": [1, 2]}
    ).to_dict(as_series=False)
    save(
        "qrels", qrels | {"weight": 1.0, "source": "made up"}, collection / "test" / "qrels.parquet"
    )
    assert of(min_relevance=2).right.rows() == [("t1", "d2")]
