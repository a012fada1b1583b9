"""Batches: seeded by epoch, one positive a query or all, from one collection each."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.train.batch.random import random
from tasks.train.batch_sampler import Epochs
from tasks.train.negatives import Draw, Negatives

LINE = {"method": "random", "parameters": {"size": 4, "mixed": False}}


def pairs_of(counts: list[int], collections: int = 1) -> pl.DataFrame:
    """As many rows of each query as `counts` says."""
    query = np.repeat(np.arange(len(counts)), counts)
    return pl.DataFrame(
        {
            "row": np.arange(len(query)),
            "query": query,
            "collection": [f"c{q % collections}" for q in query],
        }
    ).with_columns(query_id=pl.format("q{}", "query"), doc_id=pl.format("d{}", "row"))


def epochs_of(pairs: pl.DataFrame, positives: str = "one", seed: int = 3) -> Epochs:
    none = Negatives(
        np.empty(0, dtype=np.int64),
        np.empty(0, dtype=np.uint64),
        np.zeros(pairs["query"].max() + 2, dtype=np.int64),
    )
    return Epochs(pairs, LINE, positives, {}, seed, Draw(none, 0, "first", seed))


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=30), st.integers(0, 2**32), st.integers(0, 5)
)
def test_one_positive_a_query_and_each_query_once(counts, seed, epoch):
    pairs = pairs_of(counts)
    rows = np.concatenate(epochs_of(pairs, seed=seed).batches(epoch))
    assert sorted(pairs["query"].gather(rows).to_list()) == list(range(len(counts)))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.integers(0, 2**32))
def test_all_positives_each_row_once(counts, seed):
    rows = np.concatenate(epochs_of(pairs_of(counts), "all", seed).batches(0))
    assert sorted(rows.tolist()) == list(range(sum(counts)))


def test_an_epoch_is_the_same_for_the_same_seed_and_no_other():
    pairs = pairs_of([2] * 40)
    made = [
        [batch.tolist() for batch in epochs_of(pairs, seed=seed).batches(epoch)]
        for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))
    ]
    assert made[0] == made[1]
    assert made[0] != made[2]
    assert made[0] != made[3]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.data())
def test_queries_come_in_the_same_order_with_the_same_positives_whichever_others_train(
    counts, data
):
    """Another round from the same start may lack queries and positives: a drop, a leaving query,
    an in-batch control.
    """
    pairs = pairs_of(counts)
    stays = data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)).filter(any))
    fewer = pairs.filter(pl.Series(stays)).with_columns(
        row=pl.int_range(pl.len()), query=pl.col("query").rank("dense").cast(pl.Int64) - 1
    )
    for positives in ("one", "all"):
        drawn = [
            made["doc_id"].gather(np.concatenate(epochs_of(made, positives).batches(1))).to_list()
            for made in (pairs, fewer)
        ]
        if positives == "all":
            assert drawn[1] == [doc for doc in drawn[0] if doc in set(fewer["doc_id"])]
            continue
        of = dict(zip(pairs["doc_id"], pairs["query_id"], strict=True))
        remaining = set(fewer["query_id"])
        assert [of[doc] for doc in drawn[1]] == [
            of[doc] for doc in drawn[0] if of[doc] in remaining
        ]
        assert [doc for doc in drawn[0] if doc in set(fewer["doc_id"])] == [
            doc for doc in drawn[1] if doc in drawn[0]
        ]


def test_the_sampler_gives_the_epoch_that_was_set():
    epochs = epochs_of(pairs_of([1] * 10))
    first = list(epochs)
    epochs.set_epoch(1)
    assert list(epochs) != first
    epochs.set_epoch(0)
    assert list(epochs) == first
    assert len(epochs) == 3


def with_lots(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.with_columns(
        lot=np.random.default_rng(1).integers(1 << 63, size=len(pairs), dtype=np.uint64)
    )


def test_batches_come_from_one_collection_unless_mixed():
    pairs, draw = with_lots(pairs_of([1] * 40, collections=2)), np.random.default_rng(0)
    of = dict(zip(pairs["row"], pairs["collection"], strict=True))
    for mixed in (False, True):
        kinds = [
            len({of[row] for row in batch})
            for batch in random(pairs, draw, {}, size=8, mixed=mixed)
        ]
        assert (max(kinds) == 2) is mixed


def test_shares_say_how_many_rows_of_a_collection_an_epoch_has():
    pairs = pl.DataFrame(
        {
            "row": np.arange(100),
            "query": np.arange(100),
            "collection": ["big"] * 90 + ["small"] * 10,
        }
    )
    rows = np.concatenate(
        random(with_lots(pairs), np.random.default_rng(0), {"big": 0.5, "small": 0.5}, size=10)
    )
    assert (rows < 90).sum() == 50
    assert (rows >= 90).sum() == 50  # each of the ten five times
    assert np.bincount(rows[rows >= 90] - 90).tolist() == [5] * 10


def test_a_batch_of_one_is_refused():
    from hone.config import methods
    from hone.errors import Refused

    with pytest.raises(Refused, match="size"):
        methods.checked("train.batch", {"random": {"size": 1}}, "a recipe")
