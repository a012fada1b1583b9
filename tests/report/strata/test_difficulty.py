from __future__ import annotations

import polars as pl
import pytest

from tasks.report.strata.difficulty import difficulty


@pytest.mark.parametrize(
    ("rank", "level"),
    [
        (1, "first"),
        (2, "2 to 10"),
        (10, "2 to 10"),
        (11, "11 to 100"),
        (100, "11 to 100"),
        (None, "beyond"),
    ],
)
def test_the_first_right_answer_decides(rank: int | None, level: str):
    right = pl.DataFrame({"query_id": ["q", "q"], "doc_id": ["near", "far"]})
    places = [] if rank is None else [("q", "near", rank), ("q", "far", rank + 1)]
    words = pl.DataFrame(
        [("q", "wrong", 50), *places], schema=["query_id", "doc_id", "rank"], orient="row"
    )
    assert difficulty(right, words).rows() == [("q", level)]


def test_a_query_is_not_hard_because_the_base_was_unlucky():
    """Two rankings of equal worth: cut by the first one's own scores the second seems to win on
    hard queries; cut by BM25 it does not.
    """
    import numpy as np

    draw = np.random.default_rng(7)
    count = 4_000
    ease = draw.normal(size=count)
    base, other, bm25 = (ease + draw.normal(size=count) for _ in range(3))
    ranks = pl.Series(-bm25).rank("ordinal").to_numpy() * 200 // count + 1
    ids = [f"q{number}" for number in range(count)]
    words = pl.DataFrame({"query_id": ids, "doc_id": "d", "rank": ranks}).filter(
        pl.col("rank") <= 100
    )
    levels = difficulty(pl.DataFrame({"query_id": ids, "doc_id": "d"}), words)
    gain = (
        levels.with_columns(gain=pl.Series(other - base))
        .group_by("level")
        .agg(pl.col("gain").mean(), pl.len())
    )
    assert set(gain["level"]) == {"first", "2 to 10", "11 to 100", "beyond"}
    # Of n differences of deviation sqrt 2 the mean strays by sqrt(2 / n); four of these are hardly
    # ever left.
    assert gain.filter(pl.col("gain").abs() > 4 * (2 / pl.col("len")).sqrt()).is_empty()
    worst = base < np.quantile(base, 1 / 3)
    assert (other - base)[worst].mean() > 0.5
