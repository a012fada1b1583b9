"""Draws of one pair follow from that pair: another candidate that is removed changes none of
them.
"""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hone.data import tables
from hone.layout import PAIR
from tasks.rank.pairs import drawn, lots_of
from tasks.sample.choose.random import random
from tasks.sample.choose.simans import simans


def pool_of(docs: list[str]) -> pl.DataFrame:
    rows = [
        (query, doc, "dense", rank, 1.0 / rank)
        for query in "qr"
        for rank, doc in enumerate(docs, start=1)
    ]
    return tables.shaped(
        "candidates",
        pl.DataFrame(rows, schema=["query_id", "doc_id", "source", "rank", "score"], orient="row"),
    )


POOL = pool_of([f"d{n}" for n in range(12)])
POSITIVES = pl.DataFrame({"query_id": ["q", "r"], "doc_id": ["p", "p"]})
SCORES = tables.shaped(
    "scores",
    pl.concat(
        [POOL.select(*PAIR, "score"), POSITIVES.with_columns(score=pl.lit(0.3, dtype=pl.Float32))]
    ),
)
SCORES = SCORES.with_columns(scorer=pl.lit("dense"))


@given(
    removed_doc=st.integers(0, 23),
    n=st.integers(1, 11),
    seed=st.integers(0, 5),
    how=st.sampled_from(["random", "simans", "rank"]),
)
def test_a_removed_candidate_lets_the_next_in_and_changes_no_other(removed_doc, n, seed, how):
    def chosen(pool: pl.DataFrame, n: int) -> list[tuple]:
        if how == "random":
            return random(pool, "position 1", seed=seed, n=n).select(PAIR).rows()
        if how == "simans":
            return (
                simans(pool, POSITIVES, SCORES, "position 1", seed=seed, scale="raw", a=2.0, n=n)
                .select(PAIR)
                .rows()
            )
        wanted = pl.DataFrame({"query_id": ["q", "r"], "wanted": [n, n]})
        return (
            drawn(pool, wanted, "union", lots_of(pool, "union", seed, "position 1"))
            .sort("query_id", maintain_order=True)
            .rows()
        )

    removed = POOL.row(removed_doc)[:2]
    left = POOL.filter((pl.col("query_id") != removed[0]) | (pl.col("doc_id") != removed[1]))
    for query in "qr":
        before = [pair for pair in chosen(POOL, n + 1) if pair[0] == query]
        assert [pair for pair in chosen(left, n) if pair[0] == query] == [
            pair for pair in before if pair != removed
        ][:n]
