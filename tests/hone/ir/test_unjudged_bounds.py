"""What nobody has judged: by hand, and never outside its bounds whatever the judgments turn out
to be.
"""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.ir.unjudged_bounds import bounds, judged_wrong, seen
from tests.evaluate.ranked import qrels, ranked


def test_judged_precision_and_residual_by_hand():
    # Weights .2, .16, .128: a is right, b unjudged, c wrong; of the second query nothing is
    # retrieved.
    found = seen(ranked(q="abc"), qrels(q={"a": 1, "c": 0}, other={"x": 1}))
    assert found.judged == pytest.approx(2 / 3)
    assert found.least == pytest.approx(0.2 / 2)
    assert found.residual == pytest.approx(0.16 / 2)


def test_a_grade_below_the_bound_is_judged_and_wrong():
    assert seen(ranked(q="a"), qrels(q={"a": 1}), min_relevance=2).least == 0
    assert seen(ranked(q="a"), qrels(q={"a": 1}), min_relevance=2).residual == 0
    assert judged_wrong(qrels(q={"a": 1, "b": 0, "c": 2}), 2) == 2


def test_long_rankings_that_are_wholly_judged_or_alike_leave_nothing_open():
    long = pl.DataFrame(
        {"query_id": "q", "doc_id": [str(place) for place in range(100)], "rank": range(1, 101)}
    )
    turned = long.with_columns(rank=101 - pl.col("rank"))
    all_judged = qrels(q={str(place): int(place < 9) for place in range(100)})
    assert seen(long, all_judged).residual == 0
    found = bounds(long, turned, all_judged)
    assert found.low == found.high == found.observed < 0
    assert not found.open
    same = bounds(long, long, qrels(q={"0": 1}))
    assert (same.low, same.high, same.unjudged) == (0, 0, 0)
    assert not same.open


def test_bounds_of_a_difference_by_hand():
    # a (right) goes from the second to the first place: .2 - .16. b (unjudged) the other way: 0 to
    # -.04. c is new: 0 to .128.
    found = bounds(ranked(q="ba"), ranked(q="abc"), qrels(q={"a": 1}))
    assert (found.observed, found.low, found.high) == pytest.approx((0.04, 0.0, 0.168))
    assert found.unjudged == 2
    assert not found.open


def test_what_both_rank_alike_moves_nothing():
    found = bounds(ranked(q="xab"), ranked(q="xba"), qrels(q={"a": 1, "b": 0}))
    assert found.observed == found.low == found.high == pytest.approx(0.128 - 0.16)
    assert found.unjudged == 0


def test_an_open_sign():
    assert bounds(ranked(q="ax"), ranked(q="xyz"), qrels(q={"a": 1})).open
    assert not bounds(ranked(q="ab"), ranked(q="ba"), qrels(q={"a": 1, "b": 0})).open


RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@settings(deadline=None, max_examples=200)
@given(
    RANKING,
    RANKING,
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1), min_size=1),
    st.integers(0, 255),
)
def test_whatever_is_judged_later_lies_within_the_bounds(
    one: list[str], other: list[str], known: dict[str, int], rest: int
):
    before, after, judged = ranked(q="".join(one)), ranked(q="".join(other)), qrels(q=known)
    found = bounds(before, after, judged)
    full = qrels(q={doc: known.get(doc, rest >> place & 1) for place, doc in enumerate("abcdefgh")})
    later = bounds(before, after, full)
    assert later.low == pytest.approx(later.high)
    assert found.low - 1e-12 <= later.observed <= found.high + 1e-12
    assert found.low - 1e-12 <= found.observed <= found.high + 1e-12
    each = [seen(ranking, judged) for ranking in (before, after)]
    assert found.observed == pytest.approx(each[1].least - each[0].least)


@settings(deadline=None, max_examples=100)
@given(
    RANKING, RANKING, st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1), min_size=1)
)
def test_the_bounds_are_reached_and_turn_round_with_the_rankings(
    one: list[str], other: list[str], known: dict[str, int]
):
    before, after = ranked(q="".join(one)), ranked(q="".join(other))
    found, turned = bounds(before, after, qrels(q=known)), bounds(after, before, qrels(q=known))
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    # Every unjudged document is right where that helps `other`, and wrong where it does not.
    place = {
        doc: (one.index(doc) if doc in one else 99, other.index(doc) if doc in other else 99)
        for doc in "abcdefgh"
    }
    best = qrels(q={doc: known.get(doc, int(then < now)) for doc, (now, then) in place.items()})
    assert bounds(before, after, best).observed == pytest.approx(found.high)


def test_in_parts_it_is_the_same(monkeypatch: pytest.MonkeyPatch):
    judged = pl.concat([qrels(**{query: {"a": 1, "b": 0, "e": 2}}) for query in "pqrst"])
    one = pl.concat(
        [ranked(**{query: "abcd"}) for query in "srqpx"]
    )  # x is not judged, t not ranked
    other = pl.concat([ranked(**{query: "dbea"}) for query in "pqrs"])
    whole = seen(one, judged), bounds(one, other, judged)
    monkeypatch.setattr("hone.ir.unjudged_bounds.QUERIES_PER_BLOCK", 2)
    for found, before in zip((seen(one, judged), bounds(one, other, judged)), whole, strict=True):
        assert {name: pytest.approx(value) for name, value in vars(found).items()} == vars(before)
    # The worth of a at rank 1, with b judged wrong, c and d open: .2, in four of five queries.
    assert whole[0].least == pytest.approx(0.2 * 4 / 5)
