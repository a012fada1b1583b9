"""The pool: whatever rules name, every candidate is either in or has one row that says why it is
out.
"""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hone.layout import PAIR
from hone.mining.pool import Pool

QUERIES, DOCUMENTS = ("a", "b", "c"), ("d1", "d2", "d3", "d4")
NAMED = st.lists(
    st.tuples(st.sampled_from((*QUERIES, "other")), st.sampled_from((*DOCUMENTS, "else", None))),
    max_size=8,
)


def frame(rows: list[tuple[str, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(PAIR, pl.String), orient="row")


def test_a_query_takes_its_candidates_along_and_only_those_that_are_left():
    pool = Pool(frame([("a", "d1"), ("a", "d2"), ("a", "d3"), ("b", "d1")]))
    pool.remove("first", frame([("a", "d2")]).with_columns(detail=pl.lit("one")))
    pool.remove(
        "second",
        frame([("a", None), ("a", "d1")]).with_columns(detail=pl.Series(["why", "its own reason"])),
    )
    pool.remove("third", frame([("a", None), ("a", "d3")]).with_columns(detail=pl.lit("too late")))
    assert pool.rows.rows() == [("b", "d1")]
    assert pl.concat(pool.removed).rows() == [
        ("a", "d2", "first", "one"),
        ("a", None, "second", "why"),
        ("a", "d1", "second", "its query is removed: why"),
        ("a", "d3", "second", "its query is removed: why"),
    ]
    assert pool.left.rows() == [("a", "second")]


@given(
    st.lists(st.tuples(st.sampled_from(QUERIES), st.sampled_from(DOCUMENTS)), unique=True),
    st.lists(NAMED, max_size=4),
)
def test_in_or_out_once(rows, rules):
    pool = Pool(frame(rows))
    for number, named in enumerate(rules):
        pool.remove(f"rule {number}", frame(named).with_columns(detail=pl.lit("why")))
    out = [pair for part in pool.removed for pair in part.select(PAIR).rows()]
    assert len(out) == len(set(out))
    left = {query for query, doc in out if doc is None}
    stays = pool.rows.rows()
    assert sorted([*stays, *((query, doc) for query, doc in out if doc is not None)]) == sorted(
        rows
    )
    assert stays == [pair for pair in rows if pair in set(stays)]
    assert not left & {query for query, _ in stays}
    assert left == {query for named in rules for query, doc in named if doc is None}
    assert sorted(pool.left["query_id"]) == sorted(left)
