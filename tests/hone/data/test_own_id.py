"""Documents with a query's own id: dropped only where a collection is defined so."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from hone.config import params
from hone.data import tables, training_set
from hone.data.own_id import own_id_of
from hone.errors import Refused
from hone.ir.provenance import of_table, unlike
from hone.stage import call
from tasks.evaluate.reference import main as evaluate_reference
from tasks.resolve.stages import everything
from tests.prepared import COLLECTION, collected, pairs, prepare, write_params, write_rows

NUMBERED = [
    {"doc_id": "1", "text": "ripe apples keep a week"},
    {"doc_id": "2", "text": "how to mend a bicycle chain"},
]
QUERIES = [
    {"query_id": "1", "text": "how long do apples keep", "split": "test"},
    {"query_id": "2", "text": "mend a chain of a bicycle", "split": "train"},
]


def prepared(**collection: object) -> None:
    """Resolve and collect, which is all that BM25 needs."""
    sections = {"collections": {"ours": COLLECTION | collection}}
    write_params(**sections)
    collected(**sections)


def evaluated(**collection: object) -> dict:
    """Metrics of BM25 on two documents and two queries that are numbered from 1."""
    write_rows(
        Path("inputs/ours"), NUMBERED, QUERIES, pairs(("1", "1"), ("2", "1" if collection else "2"))
    )
    prepared(**collection)
    call(evaluate_reference, reference="bm25", collection="ours")
    return json.loads(Path("reports/metrics/bm25/ours.json").read_text())


@pytest.mark.parametrize(
    ("source", "given", "expected"),
    [
        ("folder", None, "keep"),
        ("folder", "drop", "drop"),
        ("beir:scifact", None, "keep"),
        ("beir", None, "keep"),
        ("beir:arguana", None, "drop"),
        ("beir:quora", None, "drop"),
        ("beir:ArguAna", None, "drop"),
        ("beir:quora", "keep", "keep"),
        ("beir:cqadupstack/android", None, "keep"),
        ("triplets:quora", None, "keep"),
    ],
)
def test_only_collections_whose_queries_are_documents_drop_them(
    source: str, given: str | None, expected: str
):
    assert own_id_of(source, given) == expected


def test_rows_that_are_numbered_from_1_in_both_tables_find_their_answer(workspace: Path):
    found = evaluated()
    assert found["ndcg_at_10"] == 1.0
    assert "own_id_dropped" not in found


def test_what_is_dropped_is_counted_and_the_answer_that_it_was_is_refused(workspace: Path):
    with pytest.raises(
        Refused,
        match="names the document with the query's own id.*row 1: '1'.*write `own_id: keep`",
    ):
        evaluated(own_id="drop")
    write_rows(Path("inputs/ours"), NUMBERED, QUERIES, pairs(("1", "2"), ("2", "1")))
    prepared(own_id="drop")
    call(evaluate_reference, reference="bm25", collection="ours")
    found = json.loads(Path("reports/metrics/bm25/ours.json").read_text())
    assert found["own_id_dropped"] == 1
    assert [
        line.split()[2] for line in Path("reports/runs/bm25/ours.trec").read_text().splitlines()
    ].count("1") == 0


def test_two_rules_for_equal_ids_are_two_evaluations(workspace: Path):
    write_rows(Path("inputs/ours"), NUMBERED, QUERIES, pairs(("1", "2"), ("2", "1")))
    evaluations = []
    for rule in ("keep", "drop"):
        prepared(own_id=rule)
        call(evaluate_reference, reference="bm25", collection="ours")
        evaluations.append(of_table(Path("reports/queries/bm25/ours.parquet")))
    assert unlike(*evaluations) == ["own_id"]


def test_a_dropped_document_is_neither_mined_nor_a_negative_in_the_batch(workspace: Path):
    """`unknown` keeps the rule `labelled` and the mask of the batch from it, in this round and
    in all later ones.
    """
    write_rows(Path("inputs/ours"), NUMBERED, QUERIES, pairs(("1", "2"), ("2", "1")))
    prepare(collections={"ours": COLLECTION | {"own_id": "drop"}})
    labels = tables.read("labels", Path("rounds/r0/labels.parquet")).select(
        "query_id", "doc_id", pl.col("label").cast(pl.String), "judge"
    )
    assert labels.rows() == [("2", "1", "positive", "qrels"), ("2", "2", "unknown", "own-id")]
    assert next(iter(training_set.read())).own_id == "drop"


def test_the_own_document_of_a_query_without_an_answer_is_not_mined_either(workspace: Path):
    """Query 3 has no answer, and is mined where a recipe trains on all queries: its own document
    is unknown for it.
    """
    third = (
        {"doc_id": "3", "text": "how long do pears keep"},
        {"query_id": "3", "text": "how long do pears keep", "split": "train"},
    )
    write_rows(
        Path("inputs/ours"),
        [*NUMBERED, third[0]],
        [*QUERIES, third[1]],
        pairs(("1", "2"), ("2", "1")),
    )
    prepare(collections={"ours": COLLECTION | {"own_id": "drop"}})
    labels = tables.read("labels", Path("rounds/r0/labels.parquet")).filter(
        pl.col("judge") == "own-id"
    )
    assert labels.select("query_id", "doc_id", pl.col("label").cast(pl.String)).rows() == [
        ("2", "2", "unknown"),
        ("3", "3", "unknown"),
    ]
    assert training_set.read(unlabelled=True).unanswered()["query_id"].to_list() == ["3"]


def test_a_task_of_mteb_has_its_own_rule(workspace: Path):
    write_params(
        collections={
            "ours": COLLECTION,
            "theirs": {"source": "mteb:ArguAna", "path": "inputs", "own_id": "drop"},
        }
    )
    with pytest.raises(
        Refused, match="collections.theirs.own_id is 'drop', but mteb:ArguAna defines it"
    ):
        params.read()


def test_every_stage_that_ranks_knows_the_rule(workspace: Path):
    write_rows(Path("inputs/ours"), NUMBERED, QUERIES, pairs(("1", "2"), ("2", "1")))
    write_params(collections={"ours": COLLECTION | {"own_id": "drop"}})
    settings = everything(params.read())
    assert {
        settings[name].own_id for name in ("evaluate/ours", "reference/bm25/ours", "collect/ours")
    } == {"drop"}
    assert settings["start"].own_id == {"ours": "drop"}
