"""The ranking that is measured: chunks for their parents, nobody for himself."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.data import tables
from hone.data.tables import Documents
from hone.ir.measures import per_query
from hone.ir.ranking import RankingPart, aggregated, by_encoder, own_documents, units
from tasks.evaluate.bm25_baseline import by_words
from tests.tiny_model import WORDS, tiny_model

DROPPED = RankingPart(itself=False)


def documents_in(folder: Path, rows: list[tuple]) -> Documents:
    frame = tables.shaped(
        "documents", pl.DataFrame(rows, schema=["doc_id", "text", "parent_id"], orient="row")
    )
    tables.write("documents", frame, folder / "documents.parquet")
    return Documents(folder / "documents.parquet")


def qrels_of(*doc_ids: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"query_id": ["q"] * len(doc_ids), "doc_id": list(doc_ids), "relevance": [1] * len(doc_ids)}
    )


def test_a_parent_has_the_score_of_its_best_chunk(tmp_path):
    documents = documents_in(
        tmp_path, [("a1", "x", "A"), ("a2", "x", "A"), ("b1", "x", "B"), ("c", "x", None)]
    )
    unit = units(documents, qrels_of("A", "B"))
    found = pl.DataFrame(
        {"query_id": ["q"] * 4, "doc_id": ["a2", "c", "b1", "a1"], "score": [0.9, 0.8, 0.7, 0.6]}
    )
    assert aggregated(found, unit).rows() == [("q", "A", 0.9), ("q", "c", 0.8), ("q", "B", 0.7)]


def test_chunks_stand_for_themselves_where_labels_name_chunks(tmp_path):
    documents = documents_in(tmp_path, [("a1", "x", "A"), ("a2", "x", "A")])
    assert units(documents, qrels_of("a1")) is None


def test_a_document_with_the_query_s_id_is_removed_only_where_the_collection_drops_it():
    found = pl.DataFrame({"query_id": ["q", "q"], "doc_id": ["q", "d"], "score": [1.0, 0.5]})
    assert aggregated(found, None)["doc_id"].to_list() == ["q", "d"]
    assert aggregated(found, None, DROPPED)["doc_id"].to_list() == ["d"]


def test_ten_relevant_documents_numbered_as_the_query_is_have_recall_1():
    """Query 0 and documents 0 to 9, all relevant and all found: recall@10 was 0.9."""
    found = pl.DataFrame(
        {
            "query_id": ["0"] * 10,
            "doc_id": [str(n) for n in range(10)],
            "score": [1.0 - n / 10 for n in range(10)],
        }
    )
    qrels = pl.DataFrame(
        {"query_id": ["0"] * 10, "doc_id": [str(n) for n in range(10)], "relevance": [1] * 10}
    )
    assert per_query(aggregated(found, None), qrels)["recall_at_10"].to_list() == [1.0]


def test_the_documents_that_are_dropped_are_counted(tmp_path):
    queries = pl.DataFrame({"query_id": ["a", "b", "c", "P"], "text": ["x"] * 4})
    documents = documents_in(tmp_path, [("a", "x", None), ("b", "x", "P"), ("d", "x", "P")])
    assert own_documents(queries, documents, qrels_of("a"), None).rows() == [("a", "a"), ("b", "b")]
    assert own_documents(queries, documents, qrels_of("P"), None).rows() == [
        ("a", "a"),
        ("P", "P"),
    ]  # parents are ranked
    among = pl.DataFrame({"query_id": ["a", "c", "elsewhere"], "doc_id": ["b", "c", "elsewhere"]})
    assert own_documents(queries, documents, qrels_of("a"), among).rows() == [("c", "c")]


def test_a_hundred_are_left_when_the_query_itself_is_among_them():
    found = pl.DataFrame(
        {
            "query_id": ["q"] * 120,
            "doc_id": ["q", *(f"d{n}" for n in range(119))],
            "score": [1.0 - n / 200 for n in range(120)],
        }
    )
    assert aggregated(found, None, DROPPED)["doc_id"].to_list() == [f"d{n}" for n in range(100)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def test_a_hundred_parents_are_found_though_one_has_hundreds_of_chunks(tmp_path, model):
    from hone.encoders.encoder import encoder_for

    # One parent has 600 chunks that say what the query says, 150 others have one each: the first
    # search sees one parent alone.
    rows = [(f"big{n}", "red cat " * (1 + n % 3), "big") for n in range(600)]
    rows += [
        (f"s{n}", f"{WORDS[n % 23]} {WORDS[(n * 7) % 23]} {WORDS[(n * 5) % 23]}", f"small{n}")
        for n in range(150)
    ]
    documents = documents_in(tmp_path, rows)
    encoder = encoder_for(
        model,
        {"max_length": 16, "prompts": {}, "precision": "fp32"},
        {"device": "cpu", "batch_tokens": None},
    )
    queries = pl.DataFrame({"query_id": ["q"], "text": ["red cat"]})
    ranked = by_encoder(encoder, queries, documents, qrels_of("big", "small3"))
    assert len(ranked) == 100
    assert ranked["doc_id"].n_unique() == 100
    assert ranked["doc_id"][0] == "big"
    assert ranked["score"].is_sorted(descending=True)


def test_words_rank_parents_too(tmp_path):
    documents = documents_in(
        tmp_path, [("a1", "red cat", "A"), ("a2", "red dog", "A"), ("b", "old tree", None)]
    )
    queries = pl.DataFrame({"query_id": ["q"], "text": ["a red dog"]})
    assert by_words(queries, documents, qrels_of("A"), language="english")["doc_id"].to_list() == [
        "A"
    ]


def test_equal_scores_are_ranked_as_trec_eval_does():
    found = pl.DataFrame(
        {"query_id": ["q"] * 3, "doc_id": ["a", "c", "b"], "score": [0.5, 0.5, 0.5]}
    )
    assert aggregated(found, None)["doc_id"].to_list() == ["c", "b", "a"]


def test_documents_of_stop_words_alone_are_found_by_no_word(tmp_path):
    queries = pl.DataFrame({"query_id": ["q"], "text": ["the cat"]})
    assert by_words(
        queries,
        documents_in(tmp_path, [("a", "the", None), ("b", "of", None)]),
        qrels_of("a"),
        language="english",
    ).is_empty()
