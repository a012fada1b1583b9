"""What a round trains on: rows, each query's negatives, and what may never be one of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tasks import tables
from tasks.errors import Refused
from tasks.train.examples import examples
from tests.train.made_up import made_up


def named(labels: list[tuple], texts: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    frame = pl.DataFrame(labels, schema=["query_id", "doc_id", "label", "rank"], orient="row")
    queries = frame.select("query_id").unique(maintain_order=True).with_columns(text=pl.col("query_id"), collection=pl.lit("one"))
    return tables.shaped("labels", frame), queries, pl.DataFrame({"doc_id": list(texts), "full_text": list(texts.values())})


def test_the_first_negatives_by_rank_are_taken():
    labels, queries, texts = made_up()
    made = examples(labels, queries, texts, negatives=1)
    documents = dict(zip(texts["doc_id"], texts["full_text"], strict=True))
    for number in range(12):
        assert [made.document_texts[n] for n in made.negatives_of(number)] == [documents[f"d{number + 31}"]]
    assert len(examples(labels, queries, texts, negatives=0).negatives) == 0
    assert len(examples(labels, queries, texts, negatives=5).negatives) == 24


def test_one_row_for_each_positive():
    made = examples(*made_up(), negatives=0)
    assert made.pairs.group_by("query_id").len().sort("query_id").filter(pl.col("len") == 2)["query_id"].to_list() == [
        "q0",
        "q1",
        "q2",
        "q3",
    ]


def test_a_known_positive_under_another_id_is_known_by_its_text():
    # faults.md, "sibling positives mined as negatives": c is b's text again, and b is a positive of q.
    labels = [("q", "a", "positive", None), ("q", "b", "positive", None), ("r", "c", "positive", None)]
    made = examples(*named(labels, {"a": "one", "b": "two", "c": "two"}), negatives=0)
    number = made.document_texts.index("two")
    assert made.is_known(np.array([0]), np.array([number])).item()


def test_unknown_is_neither_positive_nor_negative():
    labels = [("q", "a", "positive", None), ("q", "u", "unknown", None), ("r", "u", "positive", None)]
    made = examples(*named(labels, {"a": "one", "u": "two"}), negatives=3)
    assert made.pairs.filter(pl.col("query_id") == "q")["doc_id"].to_list() == ["a"]
    assert len(made.negatives) == 0
    assert made.is_known(np.array([0]), np.array([made.document_texts.index("two")])).item()


def test_a_query_without_positive_does_not_train():
    labels = [("q", "a", "positive", None), ("r", "a", "negative", 1)]
    assert examples(*named(labels, {"a": "one"}), negatives=1).query_texts == ["q"]


def test_nothing_to_train_on_is_refused():
    with pytest.raises(Refused, match="no query has a positive label"):
        examples(*named([("q", "a", "negative", 1)], {"a": "one"}), negatives=1)


def test_a_label_without_text_is_refused():
    with pytest.raises(Refused, match="1 labelled documents are in no collection.*'b'"):
        examples(*named([("q", "a", "positive", None), ("q", "b", "negative", 1)], {"a": "one"}), negatives=1)
