"""Round r0: known labels, grades, chunks, and what training may see."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hone.data import tables, training_set
from hone.errors import Refused
from tests.prepared import pairs, prepare, write_rows


def rows_of(chunks: bool = False) -> None:
    documents = [
        {"doc_id": f"d{number}", "text": f"text of number {number}"} for number in range(6)
    ]
    if chunks:
        documents += [
            {"doc_id": f"long{number}", "text": f"part {number}", "parent_id": "long"}
            for number in range(3)
        ]
    queries = [
        {"query_id": "q1", "text": "a question to train on", "split": "train"},
        {"query_id": "q2", "text": "the secret test question", "split": "test"},
        {"query_id": "q3", "text": "to tune by", "split": "dev"},
    ]
    labels = [
        {"query_id": "q1", "doc_id": "d0", "relevance": 3},
        {"query_id": "q1", "doc_id": "d1", "relevance": 1},
        {"query_id": "q1", "doc_id": "d2", "relevance": 0},
        *([{"query_id": "q1", "doc_id": "long", "relevance": 2}] if chunks else []),
        *pairs(("q2", "d3"), ("q3", "d4"), relevance=3),
    ]
    write_rows(Path("inputs/ours"), documents, queries, labels)


def labels() -> dict[str, str]:
    return dict(
        tables.read("labels", Path("rounds/r0/labels.parquet"))
        .select("doc_id", pl.col("label").cast(pl.String))
        .iter_rows()
    )


def test_grades_are_positives_unknown_and_judged_negatives(workspace: Path):
    rows_of()
    prepare(collections={"ours": {"source": "folder", "path": "inputs/ours", "min_relevance": 2}})
    assert labels() == {"d0": "positive", "d1": "unknown", "d2": "negative"}


def test_a_label_of_a_parent_is_one_of_each_chunk(workspace: Path):
    rows_of(chunks=True)
    prepare(collections={"ours": {"source": "folder", "path": "inputs/ours", "min_relevance": 2}})
    assert {doc for doc, label in labels().items() if label == "positive"} == {
        "d0",
        "long0",
        "long1",
        "long2",
    }


def test_no_text_of_a_test_query_can_reach_training(workspace: Path):
    """The training set lists six tables; none of them, and nothing else below rounds/, has the
    test query's text or answer.
    """
    rows_of()
    prepare()
    assert not any("test" in table for table in training_set.TABLES)
    for file in [
        Path("data/ours") / table for table in training_set.TABLES if "documents" not in table
    ] + list(Path("rounds").rglob("*")):
        if file.is_file():
            frame = (
                pl.read_parquet(file)
                if file.suffix == ".parquet"
                else pl.DataFrame({"text": [file.read_text()]})
            )
            values = " ".join(str(value) for row in frame.rows() for value in row)
            assert "secret" not in values
            assert "q2" not in values


def test_a_table_that_changed_after_it_was_admitted_is_refused(workspace: Path):
    rows_of()
    prepare()
    file = Path("data/ours/train/queries.parquet")
    tables.write(
        "queries",
        tables.read("queries", file).with_columns(text=pl.lit("the secret test question")),
        file,
    )
    with pytest.raises(Refused, match="has changed since `start` admitted it"):
        training_set.read()
