"""What happens when the rules leave a query fewer negatives than the recipe asks for."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from hone.layout import PAIR


def missing(chosen: pl.DataFrame, queries: pl.Series, n: int) -> pl.DataFrame:
    """query_id and how many negatives it lacks (`lacks` > 0), for the queries that have fewer than `n`."""
    have = chosen.group_by("query_id").len("have")
    return (
        queries.to_frame("query_id")
        .join(have, on="query_id", how="left", maintain_order="left")
        .select("query_id", lacks=n - pl.col("have").fill_null(0).cast(pl.Int64))
        .filter(pl.col("lacks") > 0)
    )


def filled(chosen: pl.DataFrame, more: pl.DataFrame, short: pl.DataFrame) -> pl.DataFrame:
    """`chosen`, and of `more` as many rows of each short query as it lacks, in order, none that is chosen already."""
    extra = (
        more.join(short, on="query_id", how="inner", maintain_order="left")
        .join(chosen, on=PAIR, how="anti", maintain_order="left")
        .filter(pl.int_range(pl.len()).over("query_id") < pl.col("lacks"))
        .select(chosen.columns)
    )
    return pl.concat([chosen, extra])


def random_fill(
    short: pl.DataFrame, draw: Callable[[pl.DataFrame], pl.DataFrame], guard: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    """Random documents for the short queries, those that a guard would remove left out.

    Args:
        short: query_id, lacks.
        draw: from queries to candidates (query_id, doc_id, rank, score).
        guard: from candidates to those that may be negatives.
    """
    return guard(draw(short.select("query_id")).with_columns(source=pl.lit("random-fill")))
