"""Handling of queries with fewer negatives than the recipe requests."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from hone.layout import PAIR


def missing(chosen: pl.DataFrame, queries: pl.Series, n: int) -> pl.DataFrame:
    """query_id and the number of missing negatives (`lacks` > 0), for queries with fewer than
    `n`.
    """
    have = chosen.group_by("query_id").len("have")
    return (
        queries.to_frame("query_id")
        .join(have, on="query_id", how="left", maintain_order="left")
        .select("query_id", lacks=n - pl.col("have").fill_null(0).cast(pl.Int64))
        .filter(pl.col("lacks") > 0)
    )


def filled(chosen: pl.DataFrame, more: pl.DataFrame, short: pl.DataFrame) -> pl.DataFrame:
    """`chosen`, filled up for each short query with rows of `more`, in order and without
    duplicates.
    """
    extra = (
        more.join(short, on="query_id", how="inner", maintain_order="left")
        .join(chosen, on=PAIR, how="anti", maintain_order="left")
        .filter(pl.int_range(pl.len()).over("query_id") < pl.col("lacks"))
        .select(chosen.columns)
    )
    return pl.concat([chosen, extra])


def random_fill(
    short: pl.DataFrame,
    draw: Callable[[pl.DataFrame], pl.DataFrame],
    guard: Callable[[pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    """Random documents for the short queries, filtered by `guard`.

    Args:
        short: query_id, lacks.
        draw: maps queries to candidates (query_id, doc_id, rank, score).
        guard: maps candidates to eligible candidates.
    """
    return guard(draw(short.select("query_id")).with_columns(source=pl.lit("random-fill")))
