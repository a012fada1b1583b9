"""A pool's queries as runs of rows: by hand, and against the plain way query by query."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.data import query_groups as module
from hone.data.query_groups import Segments, sortable

# Queries a, b, c with 3, 1 and 2 rows.
POOL = pl.DataFrame({"query_id": ["a", "a", "a", "b", "c", "c"]})
HAND = Segments.of(POOL)


def test_runs_by_hand():
    assert HAND.bounds.tolist() == [0, 3, 4, 6]
    assert HAND.lengths.tolist() == [3, 1, 2]
    assert HAND.places.tolist() == [0, 1, 2, 0, 0, 1]
    assert HAND.heads(2).tolist() == [0, 1, 3, 4, 5]
    assert HAND.spread(np.array([7, 8, 9])).tolist() == [7, 7, 7, 8, 9, 9]
    assert HAND.reduced(np.minimum, np.array([3, 1, 2, 5, 9, 4])).tolist() == [1, 5, 4]


def test_order_by_hand():
    keys = np.array([0.5, -1, 0.5, 3, np.nan, 7], dtype=np.float32)
    assert HAND.ordered(keys).tolist() == [1, 0, 2, 3, 5, 4]
    assert HAND.ordered(keys, 1).tolist() == [1, 3, 5]


def test_deviation_by_hand():
    """1, 2, 3 deviate by sqrt(2/3); one value by nothing; of a pair the one that is no number is
    left out.
    """
    assert HAND.deviation(np.array([1, 2, 3, 5, np.nan, 4])).tolist() == pytest.approx(
        [(2 / 3) ** 0.5, 0, 0]
    )


def test_an_empty_pool():
    none = Segments.of(POOL.clear())
    assert len(none) == 0
    assert (
        none.ordered(np.empty(0, dtype=np.float32), 3).tolist()
        == none.heads(3).tolist()
        == none.places.tolist()
        == []
    )
    assert none.deviation(np.empty(0, dtype=np.float32)).tolist() == []


def test_keys_sort_as_their_numbers_do():
    numbers = np.array(
        [np.nan, np.inf, 3.5, 1e-40, 0.0, -0.0, -1e-40, -2.0, -np.inf, -np.nan], dtype=np.float32
    )
    keys = sortable(numbers)
    assert (np.diff(keys.astype(np.int64))[1:8] <= 0).all()
    assert keys[4] == keys[5]
    assert keys[0] == keys[9] == keys.max()


lengths = st.lists(st.integers(1, 9), min_size=1, max_size=30)


@given(lengths, st.integers(1, 10), st.integers(0, 99), st.integers(1, 40), st.booleans())
def test_order_is_that_of_each_query_alone(
    sizes: list[int], n: int, seed: int, block: int, few: bool
):
    """Whatever the blocks; equal keys stay in order."""
    draw = np.random.default_rng(seed)
    made = Segments(np.cumsum([0, *sizes]))
    keys = draw.integers(3 if few else 1 << 32, size=sum(sizes), dtype=np.uint32)
    expected = [
        start + np.argsort(keys[start:stop], kind="stable")[:n]
        for start, stop in zip(made.bounds, made.bounds[1:], strict=False)
    ]
    assert made.ordered(keys, n).tolist() == np.concatenate(expected).tolist()
    cut = list(made.blocks(block))
    assert [part.start for part in cut] + [len(sizes)] == [0] + [part.stop for part in cut]
    assert (
        np.concatenate([made._ordered(keys, part) for part in cut]).tolist()
        == made.ordered(keys).tolist()
    )


def test_more_queries_and_places_than_one_integer_holds(monkeypatch: pytest.MonkeyPatch):
    """Where number, key and place need more than 64 bits it sorts by columns, to the same order."""
    keys = np.array([5, 4, 4, 1, 9, 2], dtype=np.uint32)
    expected = HAND.ordered(keys).tolist()
    monkeypatch.setattr(module, "KEY_BITS", 62)
    assert HAND.ordered(keys).tolist() == expected == [1, 2, 0, 3, 5, 4]
