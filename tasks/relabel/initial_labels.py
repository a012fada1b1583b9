"""The labels of a round before judging: known labels and mined negatives, in one table."""

from __future__ import annotations

import polars as pl

from hone.data import tables


def joined(known: pl.DataFrame, negatives: pl.DataFrame, removed: pl.DataFrame) -> pl.DataFrame:
    """Labels of a round: the known labels of its remaining queries, and its negatives in order.

    Args:
        known: labels of the parent round; its mined negatives are excluded.
        negatives: of this round.
        removed: rows that `sample` removed; a row without a document removes its query.
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
