"""Candidates of several sources as one pool."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.layout import PAIR
from hone.mining import pool as module
from hone.mining.pool import merged

SCHEMA = {"query_id": pl.String, "doc_id": pl.String, "source": pl.String, "rank": pl.Int32}
row = st.tuples(
    st.sampled_from(["q1", "q2", "q3"]),
    st.sampled_from("abcde"),
    st.sampled_from(["dense", "bm25"]),
    st.integers(1, 5),
)


def table(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


SOURCES = table(
    ("q1", "a", "dense", 1),
    ("q1", "b", "dense", 2),
    ("q2", "a", "dense", 1),
    ("q1", "c", "bm25", 1),
    ("q1", "b", "bm25", 1),
    ("q2", "a", "bm25", 1),
    ("q3", "d", "bm25", 1),
)


def test_by_hand():
    """q1: a (dense, 1), c and b (bm25, 1) before b (dense, 2). q2: dense found a first."""
    assert merged(SOURCES).rows() == [
        ("q1", "a", "dense", 1),
        ("q1", "c", "bm25", 1),
        ("q1", "b", "bm25", 1),
        ("q2", "a", "dense", 1),
        ("q3", "d", "bm25", 1),
    ]


def test_what_stands_so_stays():
    one = SOURCES.head(3)
    assert merged(one).equals(one)
    assert merged(one.clear()).equals(one.clear())


@given(st.lists(row))
def test_each_pair_once_with_its_best_rank(rows: list[tuple]):
    found = merged(table(*rows))
    queries = list(dict.fromkeys(query for query, *_ in rows))
    best = {}
    for place, (query, doc, _, rank) in sorted(
        enumerate(rows), key=lambda item: (item[1][3], item[0])
    ):
        best.setdefault((query, doc), (queries.index(query), rank, place))
    assert found.rows() == [rows[place] for *_, place in sorted(best.values())]


def test_pairs_that_share_a_hash_are_two(monkeypatch: pytest.MonkeyPatch):
    real = module.hashed
    expected = merged(SOURCES)
    monkeypatch.setattr(
        module,
        "hashed",
        lambda *tables: [(np.zeros_like(key), query) for key, query in real(*tables)],
    )
    assert merged(SOURCES).equals(expected)
    assert merged(SOURCES).n_unique(PAIR) == 5
