"""Which negatives an epoch trains with: worked by hand, and what holds for any counts."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hone.lots import lots, pair_keys
from tasks.train.negatives import Draw, Negatives


def negatives_of(counts: list[int]) -> Negatives:
    """So many of each query; the documents of query 2 are 200, 201, ..."""
    pairs = pl.DataFrame(
        [
            (f"q{query}", f"d{query}-{place}")
            for query, count in enumerate(counts)
            for place in range(count)
        ],
        schema={"query_id": pl.String, "doc_id": pl.String},
        orient="row",
    )
    documents = np.array(
        [100 * query + place for query, count in enumerate(counts) for place in range(count)],
        dtype=np.int64,
    )
    return Negatives(documents, pair_keys(pairs), np.append(0, np.cumsum(counts)))


def drawn(draw: Draw, epoch: int) -> list[list[int]]:
    documents, counts = draw.of_epoch(epoch).of(np.arange(len(draw.counts)))
    return [part.tolist() for part in np.split(documents, np.cumsum(counts)[:-1])]


def test_the_first_by_rank_in_every_epoch():
    draw = Draw(negatives_of([5, 1, 0]), 2, "first", 1)
    assert [drawn(draw, epoch) for epoch in (0, 1)] == [[[0, 1], [100], []]] * 2


def test_five_kept_two_a_time_three_epochs():
    """Shuffled to a b c d e: the epochs train with a b, c d, e a, b c, d e, and again a b. Of
    one there is only one; of none, none.
    """
    own = negatives_of([5, 1, 0])
    a, b, c, d, e = np.argsort(lots(own.keys[:5], 7, "negatives"))
    draw = Draw(own, 2, "epoch", 7)
    wanted = [[a, b], [c, d], [e, a], [b, c], [d, e], [a, b]]
    assert [drawn(draw, epoch) for epoch in range(6)] == [[pair, [100], []] for pair in wanted]
    assert [a, b, c, d, e] != [0, 1, 2, 3, 4]  # by rank it would be no shuffle


def test_a_query_of_an_odd_order_is_found_by_its_number():
    negatives = negatives_of([2, 0, 3])
    documents, counts = negatives.of(np.array([2, 1, 0, 2]))
    assert documents.tolist() == [200, 201, 202, 0, 1, 200, 201, 202]
    assert counts.tolist() == [3, 0, 2, 3]


COUNTS = st.lists(st.integers(0, 9), min_size=1, max_size=12)


@given(counts=COUNTS, n=st.integers(0, 5), epochs=st.integers(1, 12), seed=st.integers(0, 9))
def test_every_kept_negative_trains_evenly(counts, n, epochs, seed):
    draw = Draw(negatives_of(counts), n, "epoch", seed)
    total = np.zeros((len(counts), 9), dtype=int)
    for epoch in range(epochs):
        for query, documents in enumerate(drawn(draw, epoch)):
            assert len(set(documents)) == len(documents) == min(n, counts[query])
            total[query, np.array(documents, dtype=int) - 100 * query] += 1
    for query, count in enumerate(counts):
        times = total[query, :count]
        assert np.ptp(times) <= 1 if count else True
        if n * epochs >= count:
            assert (times > 0).all()


@given(counts=COUNTS, seed=st.integers(0, 9), removed=st.integers(0, 80))
def test_a_removed_negative_shuffles_no_other(counts, seed, removed):
    """Another rule may remove one negative: the others are shuffled as they were."""
    whole = negatives_of(counts)
    if removed >= len(whole.documents):
        return
    query = int(np.searchsorted(whole.first, removed, side="right")) - 1
    left = np.delete(np.arange(len(whole.documents)), removed)
    fewer = whole.at(left, np.diff(whole.first) - (np.arange(len(counts)) == query))
    every, few = (drawn(Draw(one, 9, "epoch", seed), 0) for one in (whole, fewer))
    assert few == [
        [document for document in documents if document != whole.documents[removed]]
        for documents in every
    ]
