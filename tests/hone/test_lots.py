"""Lots: uniform, of the pair alone, and the same on every machine and in every version."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hone.lots import lots, pair_keys, query_keys, unit

KNOWN = {
    "lots": [15473356094762485205, 17332294520703868729],
    "keys": [
        18400272615765165521,
        12163827065323450419,
        12181011176862836764,
        18400272615765165521,
    ],
}
PAIRS = pl.DataFrame({"query_id": ["q1", "q1", "q2", "q1"], "doc_id": ["a", "b", "a", "a"]})


def test_a_pair_has_one_key_wherever_it_stands():
    keys = pair_keys(PAIRS)
    assert keys[0] == keys[3]
    assert len(set(keys.tolist())) == 3
    assert (
        query_keys(PAIRS["query_id"])[[0, 1, 3]].tolist() == [query_keys(pl.Series(["q1"]))[0]] * 3
    )


def test_lots_are_what_they_were():
    """Draws must not change with a version of Polars: its hash of texts is part of them. When
    this fails, results of old runs differ.
    """
    assert lots(np.array([0, 1], dtype=np.uint64), 13, "a").tolist() == KNOWN["lots"]
    assert pair_keys(PAIRS).tolist() == KNOWN["keys"]


def test_seed_and_purpose_draw_anew_and_32_bits_are_the_upper_half():
    keys = pair_keys(PAIRS)
    drawn = [
        lots(keys, seed, *purpose).tolist()
        for seed, purpose in ((1, "a"), (1, "a"), (2, "a"), (1, "b"))
    ]
    assert drawn[0] == drawn[1]
    assert len({tuple(one) for one in drawn}) == 3
    assert (lots(keys, 1, "a") >> np.uint64(32)).tolist() == lots(keys, 1, "a", bits=32).tolist()


def test_lots_are_uniform():
    """100,000 pairs of 100 queries: means over queries and over documents lie within five
    standard errors of one half.
    """
    pairs = pl.DataFrame(
        {"query_id": np.repeat(np.arange(100), 1000), "doc_id": np.tile(np.arange(1000), 100)}
    ).cast(pl.String)
    drawn = unit(lots(pair_keys(pairs), 1, "a")).reshape(100, 1000)
    assert ((drawn >= 0) & (drawn < 1)).all()
    for axis, count in ((0, 100), (1, 1000)):
        assert np.abs(drawn.mean(axis) - 0.5).max() < 5 * np.sqrt(1 / 12 / count)
    assert np.abs(np.corrcoef(drawn)[np.triu_indices(100, 1)]).max() < 5 / np.sqrt(
        1000
    )  # no two queries order documents alike


@given(st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from("abcd")), max_size=20))
def test_other_rows_change_no_lot(rows):
    pairs = pl.DataFrame(rows, schema={"query_id": pl.String, "doc_id": pl.String}, orient="row")
    drawn = dict(zip(rows, lots(pair_keys(pairs), 1, "a").tolist(), strict=True))
    for row, lot in zip(rows, lots(pair_keys(pairs), 1, "a").tolist(), strict=True):
        assert drawn[row] == lot
        assert lots(
            pair_keys(pl.DataFrame([row], schema=pairs.schema, orient="row")), 1, "a"
        ).tolist() == [lot]
