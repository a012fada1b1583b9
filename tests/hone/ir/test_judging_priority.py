"""What should be judged next: weights by hand, and that they are what leaves the bounds open."""

from __future__ import annotations

from itertools import combinations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hone.ir.judging_priority import heaviest_first, unjudged
from hone.ir.unjudged_bounds import bounds, seen
from tests.evaluate.ranked import qrels, ranked

RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
KNOWN = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1), min_size=1)


def weights(*runs: str, depth: int = 100, **known: int) -> list[tuple[str, float]]:
    found = unjudged([ranked(q=run) for run in runs], qrels(q=known or {"x": 1})).filter(
        pl.col("rank") <= depth
    )
    found = heaviest_first(found, 0)
    return [(doc, pytest.approx(weight)) for doc, weight in found.select("doc_id", "weight").rows()]


def test_two_rankings_by_hand():
    # Weights of the ranks: .2, .16, .128. a leaves the first place, c comes to the second, b rises
    # from the second to the first.
    assert weights("ab", "bc") == [("a", 0.2), ("c", 0.16), ("b", 0.04)]


def test_three_rankings_by_hand():
    # a: .2, 0, 0: .2 + .2 + 0. c: 0, .16, 0: .16 + .16 + 0. b: .16, .2, .2: .04 + .04 + 0.
    assert weights("ab", "bc", "b") == [("a", 0.4), ("c", 0.32), ("b", 0.08)]


def test_what_all_rank_alike_comes_last_and_of_one_ranking_the_first_comes_first():
    found = weights("abc", "acb")
    assert {doc for doc, _ in found[:2]} == {"b", "c"}
    assert [weight for _, weight in found] == [0.032, 0.032, 0.0]
    assert [weight for _, weight in weights("abc", "abc", "abc", "abc")] == [0.0, 0.0, 0.0]
    assert weights("abc") == [("a", 0.2), ("b", 0.16), ("c", 0.128)]


def test_what_is_judged_or_deep_or_of_an_unjudged_query_is_no_hole():
    assert weights("abc", "cab", a=1, c=0) == [("b", 0.032)]
    # c is the third of one ranking and the first of the other, d the fourth of both.
    assert [doc for doc, _ in weights("abcd", "cabd", depth=1)] == ["c", "a"]
    assert unjudged([ranked(q="a", other="b")], qrels(other={"x": 1}))["doc_id"].to_list() == ["b"]
    assert unjudged([ranked(q="a")], qrels(q={"a": 2}), min_relevance=3).is_empty()


def test_what_weighs_the_same_is_drawn_by_lot_and_again_alike():
    many = ranked(**{f"q{number}": "a" for number in range(20)})
    known = qrels(**{f"q{number}": {"x": 1} for number in range(20)})
    first, again, other = (
        heaviest_first(unjudged([many, many.clear()], known), seed)["query_id"].to_list()
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert sorted(first) == sorted(other)


@settings(deadline=None, max_examples=100)
@given(st.lists(RANKING, min_size=2, max_size=4), KNOWN)
def test_the_weights_are_the_width_of_all_bounds(rankings: list[list[str]], known: dict[str, int]):
    runs = [ranked(q="".join(ranking)) for ranking in rankings]
    width = sum(
        found.high - found.low
        for found in (bounds(one, other, qrels(q=known)) for one, other in combinations(runs, 2))
    )
    assert unjudged(runs, qrels(q=known))["weight"].sum() == pytest.approx(width)


@settings(deadline=None, max_examples=50)
@given(RANKING, KNOWN)
def test_the_weights_of_one_ranking_are_its_residual(ranking: list[str], known: dict[str, int]):
    run = ranked(q="".join(ranking))
    assert unjudged([run], qrels(q=known))["weight"].sum() == pytest.approx(
        seen(run, qrels(q=known)).residual
    )
