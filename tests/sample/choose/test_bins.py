"""TAS-Balanced's bins of margins."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import numpy as np
import polars as pl
import pytest

from hone.data.query_groups import Segments
from tasks.sample.choose.bins import bins_of
from tests.sample.choose.pools import chosen, docs, pool_of, tables_of

# With a positive at 1 the margins are 0, .125, .25, .5, .75, 1: of four bins a quarter wide a and b
# lie in the first, c in the second, d in the third, e and f in the last.
SIX = {"a": 1.0, "b": 0.875, "c": 0.75, "d": 0.5, "e": 0.25, "f": 0.0}
BIN = {"a": 0, "b": 0, "c": 1, "d": 2, "e": 3, "f": 3}


def test_bins_by_hand():
    margins = 1 - np.array([*SIX.values(), 0.5, 0.5, np.nan, 2], dtype=np.float32)
    segments = Segments(np.array([0, 6, 8, 10]))
    # The second query's margins are equal: one bin. The third has one candidate that nobody scored.
    assert bins_of(margins, segments, 4).tolist() == [*BIN.values(), 0, 0, 4, 0]


def many(times: int) -> dict:
    pool = pl.concat([pool_of({"q": SIX})] * times).with_columns(
        query_id=pl.format("q{}", pl.int_range(6 * times) // 6)
    )
    return tables_of(pool, {f"q{number}": 1.0 for number in range(times)})


def test_one_draw_is_a_bin_and_then_a_candidate():
    """Each bin with 1/4, shared by those inside: 1/8, 1/8, 1/4, 1/4, 1/8, 1/8."""
    times = 20_000
    drawn = Counter(chosen("bins", many(times), bins=4, n=1)["doc_id"])
    for doc in SIX:
        expected = 1 / 4 / list(BIN.values()).count(BIN[doc])
        assert drawn[doc] / times == pytest.approx(
            expected, abs=5 * sqrt(expected * (1 - expected) / times)
        )


def test_each_bin_once_before_any_twice():
    drawn = chosen("bins", many(50), bins=4, n=5)
    for number in range(50):
        taken = [BIN[doc] for doc in docs(drawn, f"q{number}")]
        assert sorted(taken[:4]) == [0, 1, 2, 3]
        assert taken[4] in (0, 3)
    assert len({tuple(docs(drawn, f"q{number}")) for number in range(50)}) > 20


def test_what_is_not_scored_comes_last_by_rank():
    tables = tables_of(pool_of({"q": {"nobody": 1.0, "neither": 0.9, **SIX}}), {"q": 1.0})
    tables["scores"] = tables["scores"].filter(~pl.col("doc_id").is_in(["nobody", "neither"]))
    drawn = docs(chosen("bins", tables, n=8))
    assert drawn[6:] == ["nobody", "neither"]
    assert set(drawn[:6]) == set(SIX)


def test_a_teacher_s_bins():
    """The scorer named decides: a teacher that finds all but `f` alike puts `f` in a bin of its
    own, so that two draws have it.
    """
    tables = tables_of(pool_of({"q": SIX}), {"q": 1.0})
    teacher = tables["scores"].with_columns(
        scorer=pl.lit("cross-encoder"),
        score=pl.when(pl.col("doc_id") == "f").then(-8.0).otherwise(8.0).cast(pl.Float32),
    )
    tables["scores"] = pl.concat([tables["scores"], teacher])
    assert all(
        "f" in docs(chosen("bins", tables | {"seed": seed}, scorer="cross-encoder", n=2))
        for seed in range(20)
    )
    assert not all("f" in docs(chosen("bins", tables | {"seed": seed}, n=2)) for seed in range(20))


def test_easy_and_hard_alike_where_top_has_only_the_hard():
    """Ninety easy candidates and ten hard ones, as retrieval gives them reversed: uniform draws
    are easy, bins are even.
    """
    scores = {
        f"d{number}": (1 - number / 100 if number < 10 else 0.1 - number / 1000)
        for number in range(100)
    }
    tables = tables_of(pool_of({"q": scores}), {"q": 1.0})
    drawn = chosen("bins", tables, bins=2, n=10)["score"]
    assert (drawn > 0.5).sum() == 5
    assert (chosen("top", tables, n=10)["score"] > 0.5).all()
    uniform = [
        (chosen("random", tables | {"seed": seed}, n=10)["score"] > 0.5).sum() for seed in range(20)
    ]
    assert np.mean(uniform) < 3
