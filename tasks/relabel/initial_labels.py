"""What is known of a round's queries and the negatives that were mined for them, as one table of labels."""

from __future__ import annotations

import polars as pl

from hone.data import tables


def joined(known: pl.DataFrame, negatives: pl.DataFrame, removed: pl.DataFrame) -> pl.DataFrame:
    """Labels of a round: what was known before, of the queries that stay, and its negatives in order.

    Args:
        known: labels of the round it starts from; its mined negatives were that round's and are left behind.
        negatives: of this round.
        removed: what `sample` took out; a row without a document is a query that leaves.
    """
    left = removed.filter(pl.col("doc_id").is_null())
    mined = pl.col("rank").is_not_null()
    stays = known.filter(~mined).join(left, on="query_id", how="anti", maintain_order="left")
    chosen = negatives.with_columns(
        label=pl.lit("negative"),
        weight=pl.lit(1.0),
        rank=pl.int_range(1, pl.len() + 1).over("query_id"),
    ).drop("score")
    return pl.concat([stays, tables.shaped("labels", chosen)])
