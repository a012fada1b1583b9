"""previous: the negatives of the start round ("momentum" negatives of ANCE-Tele, arXiv 2210.17167).

A model forgets negatives that it no longer trains on. Adding the previous round's negatives to the
candidates prevents it.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.stage import say


def previous(
    queries: pl.DataFrame,
    negatives: pl.LazyFrame,
    round: str,
    *,
    depth: Annotated[int, Field(ge=1)] | None = None,
) -> pl.DataFrame:
    """The previous round's negatives of every query, in their order.

    The first round has no predecessor. This is logged, and the other sources of the recipe remain.

    Args:
        queries: query_id.
        negatives: query_id, doc_id, score: the negatives of the start round, each query's in order.
        round: the round's name, for the message.
        depth: candidates per query. Null: all, as in the authors' code, where each round's
            negatives include all earlier ones. [authors' code]

    Returns:
        query_id, doc_id, rank (from 1, in the order chosen), score (that of the original source,
        which may be from another embedding space).
    """
    found = (
        negatives.join(queries.lazy(), on="query_id", how="semi", maintain_order="left")
        .unique(["query_id", "doc_id"], keep="first", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
        .filter(pl.lit(True) if depth is None else pl.col("rank") <= depth)
        .select("query_id", "doc_id", "rank", "score")
        .collect()
    )
    without = len(queries) - found["query_id"].n_unique()
    if without:
        say(
            f"retrieve {round}: previous: {without:,} of {len(queries):,} queries have no "
            "negatives in the start round"
        )
    return found
