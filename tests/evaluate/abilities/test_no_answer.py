from __future__ import annotations

import polars as pl
import pytest

from hone.ir.diagnostic import measured
from tests.evaluate.ranked import qrels

LABELS = qrels(a={"A": 1}, b={"B": 2}, low={"L": 1})
QUERIES = pl.DataFrame({"query_id": ["a", "b", "x", "y", "z"]})


def run(**best: float) -> pl.DataFrame:
    rows = [
        (query, doc, score)
        for query, top in best.items()
        for doc, score in (("first", top), ("second", top - 5))
    ]
    return pl.DataFrame(
        rows, schema={"query_id": pl.String, "doc_id": pl.String, "score": pl.Float32}, orient="row"
    )


def test_the_first_documents_scores_are_compared():
    found = measured("no-answer", run(a=4, b=2, x=1, y=2, z=3), QUERIES, LABELS, 1)
    # a is above all three; b is above x, ties with y, is below z: (3 + 1.5) / 6.
    assert (found.measure, found.found.estimate, found.found.count) == ("answerable_auc", 0.75, 5)
    assert found.found.low < 0.75 < found.found.high
    assert found.units.rows() == [
        ("with an answer", "a", 1.0),
        ("with an answer", "b", 0.5),
        ("without", "x", 1.0),
        ("without", "y", 0.75),
        ("without", "z", 0.5),
    ]
    # Every group has the measure as its mean: paired differences rest on it.
    assert found.units.group_by("group").agg(pl.col("value").mean())["value"].to_list() == [
        0.75,
        0.75,
    ]


def test_a_query_for_which_nothing_is_found_scores_below_all():
    found = measured("no-answer", run(a=-4, b=-2, x=-5), QUERIES, LABELS, 1)
    assert found.found.estimate == 1.0
    assert found.found.low == pytest.approx(
        0.025 ** (1 / 2)
    )  # as few as two queries: exact, and wide


def test_a_label_of_a_lower_grade_is_neither():
    queries = pl.concat([QUERIES, pl.DataFrame({"query_id": ["low"]})])
    assert measured("no-answer", run(a=4, b=2, x=1, y=2, z=3, low=9), queries, LABELS, 2).units[
        "unit"
    ].to_list() == ["b", "x", "y", "z"]


def test_one_kind_alone_says_nothing():
    found = measured("no-answer", run(a=4, b=2), QUERIES.head(2), LABELS, 1)
    assert found.found.estimate is None
    assert found.units.is_empty()
