"""Pairs found in another table: against a join of the texts, whatever the order of rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sample import where as module
from tasks.sample.where import by_text, where

SCHEMA = {"query_id": pl.String, "doc_id": pl.String}
pair = st.tuples(st.sampled_from(["q1", "q2", "q3", "q4"]), st.sampled_from(["a", "b", "c", "a longer id than fits"]))


def table(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_by_hand():
    known = table(("q1", "a"), ("q1", "b"), ("q2", "a"), ("q1", "c"))
    assert where(table(("q2", "a"), ("q2", "b"), ("q1", "c"), ("q3", "a")), known).tolist() == [2, -1, 3, -1]
    assert where(table(), known).tolist() == []
    assert where(known, table()).tolist() == [-1] * 4


@given(st.lists(pair), st.lists(pair, unique=True), st.integers(1, 8))
def test_as_a_join_of_the_texts(asked: list, known: list, block: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS_PER_BLOCK", block)
        patch.setattr(module, "by_text", None)  # the way round is not taken
        found = where(table(*asked), table(*known))
    assert found.tolist() == [known.index(one) if one in known else -1 for one in asked]
    assert found.tolist() == by_text(table(*asked), table(*known)).tolist()


def test_pairs_that_share_a_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    real = module.hashed
    monkeypatch.setattr(module, "hashed", lambda *tables: [(np.zeros_like(key), query) for key, query in real(*tables)])
    known = table(("q1", "a"), ("q1", "b"), ("q2", "a"))
    assert where(table(("q2", "a"), ("q1", "b"), ("q1", "z")), known).tolist() == [2, 1, -1]
