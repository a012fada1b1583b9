"""Queries that leave, each bound worked by hand."""

from __future__ import annotations

from math import nan

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hone.errors import Refused
from tasks.sample.filters.query_quality import query_quality
from tests.sample.filters.tables import NUMBERS, numbered, pool, scores

# q's positive has .5 (another of its answers .9), its best candidate .6.
ROWS, KNOWN = pool("x", "y"), pool("p", "r")
GIVEN = scores(p=0.5, r=0.9, x=0.2, y=0.6)


@pytest.mark.parametrize(
    ("parameters", "leaves"),
    [
        ({"negative_share": 1.1}, True),  # .6 > .55
        ({"negative_share": 1.3}, False),  # .6 < .65
        ({"negative_margin": 0.05}, True),  # .6 > .45
        ({"negative_margin": -0.05}, True),  # .6 > .55
        ({"negative_margin": -0.2}, False),  # .6 < .7
        ({"negative_absolute": 0.55}, True),
        ({"negative_absolute": 0.65}, False),
        ({"positive_share": 0.9}, True),  # .5 < .54
        ({"positive_share": 0.8}, False),  # .5 > .48
        ({"positive_absolute": 0.55}, True),
        ({"positive_absolute": 0.45}, False),
        ({"positive_absolute": 0.45, "negative_absolute": 0.55}, True),
    ],
)
def test_worked_by_hand(parameters, leaves):
    found = query_quality(ROWS, KNOWN, GIVEN, **parameters)
    assert found.select("query_id", "doc_id").rows() == ([("q", None)] if leaves else [])


def test_the_detail_says_which_bounds():
    found = query_quality(
        ROWS, KNOWN, GIVEN, negative_absolute=0.55, positive_absolute=0.52, positive_share=0.1
    )
    assert found["detail"].to_list() == [
        "negative absolute 0.55, positive absolute 0.52: its best candidate scores 0.6, its "
        "positive 0.5"
    ]


def test_negative_scores_do_not_turn_the_shares_round():
    """Positive -2, best candidate -1.95: a share of .95 bounds at -2.1, so that the query
    leaves.
    """
    assert (
        len(query_quality(pool("x"), pool("p"), scores(p=-2.0, x=-1.95), negative_share=0.95)) == 1
    )
    assert (
        len(query_quality(pool("x"), pool("p"), scores(p=-2.0, x=-2.2), negative_share=0.95)) == 0
    )


def test_only_the_query_whose_best_is_too_good_leaves_where_top_would_take_it():
    rows = pl.concat([pool("x", query="bad"), pool("x", query="good")])
    known = pl.concat([pool("p", query="bad"), pool("p", query="good")])
    given_scores = pl.concat(
        [scores(query="bad", p=0.4, x=0.9), scores(query="good", p=0.8, x=0.6)]
    )
    assert query_quality(rows, known, given_scores, negative_share=1.0)["query_id"].to_list() == [
        "bad"
    ]


def test_queries_without_a_score_stay():
    assert query_quality(
        pool("x"), pool("p"), scores(p=nan, x=0.9), negative_absolute=0.1
    ).is_empty()
    assert query_quality(
        pool("x"), pool("p"), scores(p=0.5, x=nan), positive_absolute=0.9
    ).is_empty()


def test_no_bound_is_refused():
    with pytest.raises(Refused, match="no threshold. Set at least one of `negative_share`"):
        query_quality(ROWS, KNOWN, GIVEN)


def test_a_scorer_that_is_missing_is_refused():
    with pytest.raises(Refused, match="which has none"):
        query_quality(ROWS, KNOWN, GIVEN, negative_margin=0.0, scorer="encoder:other")


@given(
    NUMBERS, st.floats(0, 1, width=32), st.floats(-0.5, 0.5, width=32), st.floats(0, 0.5, width=32)
)
def test_a_tighter_bound_sends_at_least_as_many_away(values, positive, margin, more):
    rows, given_scores = pool(*numbered(values)), scores(p=positive, **numbered(values))
    loose = query_quality(rows, pool("p"), given_scores, negative_margin=margin)
    tight = query_quality(rows, pool("p"), given_scores, negative_margin=margin + more)
    assert len(loose) <= len(tight) <= 1
