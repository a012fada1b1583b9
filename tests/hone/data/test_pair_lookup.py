"""Where pairs stand in another table, and runs in which queries are whole: as many parts as one
likes, the same rows.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.data import pair_lookup
from hone.data.pair_lookup import by_text, in_runs, places, where, within
from hone.layout import PAIR

pair = st.tuples(
    st.sampled_from(["q1", "q2", "q3", "q4"]),
    st.sampled_from(["a", "b", "c", "d", "a longer id than fits"]),
)
sizes = st.sampled_from([1, 2, 7, 1000])


def table(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(PAIR, pl.String), orient="row")


def test_a_pair_is_found_by_both_its_ids():
    pairs = table([("q1", "b"), ("q2", "a"), ("q1", "a"), ("q1", "b")])
    there = table([("q1", "a"), ("q2", "b"), ("q1", "b")])
    assert places(pairs, there).to_list() == [2, None, 0, 2]
    assert within(pairs, there).to_list() == [True, False, True, True]


def test_an_empty_table_has_no_pairs_and_no_pairs_give_nothing():
    assert places(table([("q1", "a")]), table([])).to_list() == [None]
    assert places(table([]), table([("q1", "a")])).to_list() == []


def test_rows_by_hand():
    known = table([("q1", "a"), ("q1", "b"), ("q2", "a"), ("q1", "c")])
    assert where(table([("q2", "a"), ("q2", "b"), ("q1", "c"), ("q3", "a")]), known).tolist() == [
        2,
        -1,
        3,
        -1,
    ]
    assert where(table([]), known).tolist() == []
    assert where(known, table([])).tolist() == [-1] * 4


@given(st.lists(pair, max_size=30), st.lists(pair, unique=True, max_size=20), st.integers(1, 8))
def test_a_look_up_in_blocks_finds_what_a_dictionary_and_a_join_of_the_texts_find(
    pairs: list, there: list, block: int
):
    rows = {key: row for row, key in enumerate(there)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_lookup, "ROWS_PER_BLOCK", block)
        patch.setattr(pair_lookup, "by_text", None)  # the fallback is not taken
        found, column = where(table(pairs), table(there)), places(table(pairs), table(there))
    assert (
        found.tolist()
        == [rows.get(key, -1) for key in pairs]
        == by_text(table(pairs), table(there)).tolist()
    )
    assert column.to_list() == [rows.get(key) for key in pairs]
    assert column.dtype == pl.UInt32


def test_pairs_that_share_a_hash_are_distinguished(monkeypatch: pytest.MonkeyPatch):
    real = pair_lookup.hashed
    monkeypatch.setattr(
        pair_lookup,
        "hashed",
        lambda *tables: [(np.zeros_like(key), query) for key, query in real(*tables)],
    )
    known = table([("q1", "a"), ("q1", "b"), ("q2", "a")])
    assert where(table([("q2", "a"), ("q1", "b"), ("q1", "z")]), known).tolist() == [2, 1, -1]


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), max_size=12), sizes)
def test_runs_are_the_table_in_order_without_a_query_in_two_and_none_is_long(counts, size):
    rows = table(
        [(f"q{query}", f"d{place}") for query, count in enumerate(counts) for place in range(count)]
    )
    runs = list(in_runs(rows, size))
    assert [row for _, run in runs for row in run.iter_rows()] == list(rows.iter_rows())
    assert [start for start, _ in runs] == [
        sum(len(run) for _, run in runs[:place]) for place in range(len(runs))
    ]
    queries = [query for _, run in runs for query in run["query_id"].unique()]
    assert len(set(queries)) == len(queries)
    assert all(len(run) < size + max(counts) for _, run in runs)
