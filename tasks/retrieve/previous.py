"""previous: the negatives of the round that this one starts from ("momentum" negatives of ANCE-Tele, arXiv 2210.17167).

A model that leaves a group of negatives behind forgets it; with the last round's negatives among the candidates it keeps meeting it.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.stage import say


def previous(
    queries: pl.DataFrame, negatives: pl.LazyFrame, round: str, *, depth: Annotated[int, Field(ge=1)] | None = None
) -> pl.DataFrame:
    """The last round's negatives of every query, in the order in which it chose them.

    The first round has none before it: the stage says so, and other sources of the recipe are what is left.

    Args:
        queries: query_id.
        negatives: query_id, doc_id, score: what the round chose that this one starts from, each query's in order.
        round: who asks, for the message.
        depth: candidates a query; null: all, as in the authors' code, where each round's negatives hold those of all before. [authors'
            code]

    Returns:
        query_id, doc_id, rank (from 1, in the order chosen), score (that of the source which found it then, or of the source
        before that: of no one space).
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
        say(f"retrieve {round}: previous: {without:,} of {len(queries):,} queries have no negatives in the round that this one starts from")
    return found
