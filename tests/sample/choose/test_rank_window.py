"""A window of ranks, counted after the rules that keep."""

from __future__ import annotations

import polars as pl
import pytest

from hone.config import methods
from hone.errors import Refused
from tests.sample.choose.pools import chosen, docs, pool_of, tables_of
from tests.sample.test_sampled import candidates, labels, pairs, sample

SIX = tables_of(
    pool_of(
        {"q": {f"d{rank}": 1 - rank / 10 for rank in range(1, 7)}, "short": {"d1": 0.5, "d2": 0.4}}
    )
)


def test_ranks_are_skipped_as_sentence_transformers_skips_them():
    """Of d1 to d6 the first two are skipped and the fifth is the last: d3, d4, d5. A query of
    two has none.
    """
    assert docs(chosen("rank-window", SIX, range_min=2, range_max=5, n=2)) == ["d3", "d4"]
    assert docs(chosen("rank-window", SIX, range_min=2, range_max=5, n=3)) == ["d3", "d4", "d5"]
    assert docs(chosen("rank-window", SIX, range_min=4, range_max=None, n=9)) == ["d5", "d6"]
    assert docs(chosen("rank-window", SIX, range_min=2, range_max=5, n=2), "short") == []


def test_drawn_from_the_window_and_nowhere_else():
    drawn = [
        frozenset(
            docs(
                chosen(
                    "rank-window",
                    SIX | {"seed": seed},
                    range_min=2,
                    range_max=5,
                    n=2,
                    draw="random",
                )
            )
        )
        for seed in range(40)
    ]
    assert set(drawn) == {frozenset({"d3", "d4"}), frozenset({"d3", "d5"}), frozenset({"d4", "d5"})}


def test_places_are_counted_after_the_rules():
    """q1 retrieves d00 (known), d05, d06, d07. After the rules d05 is first: skipping one gives
    d06, as the recipe's window does.
    """
    found, known = candidates({"q1": ["d00", "d05", "d06", "d07"]}), labels(("q1", "d00"))
    by_rule, _, _ = sample(
        found, known, choose={"rank-window": {"range_min": 1, "range_max": 3, "n": 1}}
    )
    after, _, _ = sample(found, known, window={"first": 2, "last": 3})
    before, _, _ = sample(found, known, window={"first": 2, "last": 3, "counted": "before"})
    assert pairs(by_rule)[0] == pairs(after)[0] == ("q1", "d06")
    assert pairs(before)[0] == ("q1", "d05")


def test_none_of_what_top_takes():
    """Deep ranks instead of the first: with 30 to 100 of 120 the two have nothing in common."""
    deep = tables_of(pool_of({"q": {f"d{rank}": -rank for rank in range(120)}}))
    mine, first = chosen("rank-window", deep, n=4), chosen("top", deep, n=4)
    assert mine["rank"].to_list() == [31, 32, 33, 34]
    assert mine.join(first, on="doc_id", how="semi").is_empty()


def test_a_window_that_is_too_narrow_is_refused_with_the_recipe():
    with pytest.raises(Refused, match="range_min 5 and range_max 7 leave 2 ranks, but n is 4"):
        methods.find("sample.choose", "rank-window").beside("refuse_unfit")(
            {"range_min": 5, "range_max": 7, "n": 4}
        )
    with pytest.raises(Refused, match="leave 0 ranks"):
        chosen("rank-window", SIX, range_min=8, range_max=7, n=1)


def test_the_source_s_rank_is_not_what_counts():
    """Ranks 3, 9, 27 are places 1, 2, 3."""
    pool = pool_of({"q": {"a": 3, "b": 2, "c": 1}}).with_columns(
        rank=pl.Series([3, 9, 27], dtype=pl.Int32)
    )
    assert docs(chosen("rank-window", tables_of(pool), range_min=1, range_max=3, n=1)) == ["b"]
