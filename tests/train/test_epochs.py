"""Batches: seeded by epoch, one positive a query or all, from one collection each."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.train.batch.random import random
from tasks.train.epochs import Epochs

LINE = {"method": "random", "parameters": {"size": 4, "mixed": False}}


def pairs_of(counts: list[int], collections: int = 1) -> pl.DataFrame:
    """As many rows of each query as `counts` says."""
    query = np.repeat(np.arange(len(counts)), counts)
    return pl.DataFrame({"row": np.arange(len(query)), "query": query, "collection": [f"c{q % collections}" for q in query]})


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.integers(0, 2**32), st.integers(0, 5))
def test_one_positive_a_query_and_each_query_once(counts, seed, epoch):
    pairs = pairs_of(counts)
    rows = np.concatenate(Epochs(pairs, LINE, "one", {}, seed).batches(epoch))
    assert sorted(pairs["query"].gather(rows).to_list()) == list(range(len(counts)))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.integers(0, 2**32))
def test_all_positives_each_row_once(counts, seed):
    rows = np.concatenate(Epochs(pairs_of(counts), LINE, "all", {}, seed).batches(0))
    assert sorted(rows.tolist()) == list(range(sum(counts)))


def test_an_epoch_is_the_same_for_the_same_seed_and_no_other():
    pairs = pairs_of([2] * 40)
    made = [
        [batch.tolist() for batch in Epochs(pairs, LINE, "one", {}, seed).batches(epoch)]
        for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))
    ]
    assert made[0] == made[1]
    assert made[0] != made[2]
    assert made[0] != made[3]


def test_the_sampler_gives_the_epoch_that_was_set():
    epochs = Epochs(pairs_of([1] * 10), LINE, "one", {}, 3)
    first = list(epochs)
    epochs.set_epoch(1)
    assert list(epochs) != first
    epochs.set_epoch(0)
    assert list(epochs) == first
    assert len(epochs) == 3


def test_batches_come_from_one_collection_unless_mixed():
    pairs, draw = pairs_of([1] * 40, collections=2), np.random.default_rng(0)
    of = dict(zip(pairs["row"], pairs["collection"], strict=True))
    for mixed in (False, True):
        kinds = [len({of[row] for row in batch}) for batch in random(pairs, draw, {}, size=8, mixed=mixed)]
        assert (max(kinds) == 2) is mixed


def test_shares_say_how_many_rows_of_a_collection_an_epoch_has():
    pairs = pl.DataFrame({"row": np.arange(100), "query": np.arange(100), "collection": ["big"] * 90 + ["small"] * 10})
    rows = np.concatenate(random(pairs, np.random.default_rng(0), {"big": 0.5, "small": 0.5}, size=10))
    assert (rows < 90).sum() == 50
    assert (rows >= 90).sum() == 50  # each of the ten five times
    assert np.bincount(rows[rows >= 90] - 90).tolist() == [5] * 10


def test_a_batch_of_one_is_refused():
    from tasks import methods
    from tasks.errors import Refused

    with pytest.raises(Refused, match="size"):
        methods.checked("train.batch", {"random": {"size": 1}}, "a recipe")
