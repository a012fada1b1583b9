"""Labels of a round: known ones, and this round's negatives in order."""

from __future__ import annotations

import polars as pl

from hone.data import tables
from tasks.relabel.initial_labels import joined


def known(*rows: tuple[str, str, str, int | None]) -> pl.DataFrame:
    return tables.shaped(
        "labels", pl.DataFrame(rows, schema=["query_id", "doc_id", "label", "rank"], orient="row")
    )


def negatives(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [(query, doc, "dense", number + 5, 0.5) for number, (query, doc) in enumerate(pairs)]
    return tables.shaped(
        "negatives",
        pl.DataFrame(rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"),
    )


def test_last_rounds_negatives_are_left_behind_and_known_labels_stay():
    before = known(
        ("q1", "a", "positive", None),
        ("q1", "judged", "negative", None),
        ("q1", "old", "negative", 1),
    )
    labels = joined(before, negatives(("q1", "x"), ("q1", "y")), tables.empty("removed"))
    assert labels.select("doc_id", "label", "rank").rows() == [
        ("a", "positive", None),
        ("judged", "negative", None),
        ("x", "negative", 1),
        ("y", "negative", 2),
    ]


def test_a_query_that_leaves_takes_its_labels_with_it():
    removed = tables.shaped(
        "removed",
        pl.DataFrame(
            {"query_id": ["q1"], "doc_id": [None], "rule": ["shortage"], "detail": ["1 too few"]}
        ),
    )
    labels = joined(
        known(("q1", "a", "positive", None), ("q2", "b", "positive", None)),
        negatives(("q2", "x")),
        removed,
    )
    assert labels["query_id"].unique().to_list() == ["q2"]
