"""same-parent: removes chunks of the document that contains a labelled positive."""

from __future__ import annotations

import polars as pl


def same_parent(pool: pl.DataFrame, positives: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose document shares its parent with a labelled positive of the query, or is that
    parent.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        texts: doc_id, parent_id (null if the document is not a chunk).

    Returns:
        query_id, doc_id, detail.
    """
    parents = texts.select("doc_id", parent=pl.coalesce("parent_id", "doc_id"))
    known = positives.join(parents, on="doc_id", how="inner", maintain_order="left").select(
        "query_id", "parent", positive="doc_id"
    )
    return (
        pool.select("query_id", "doc_id")
        .join(parents, on="doc_id", how="inner", maintain_order="left")
        .join(known, on=["query_id", "parent"], how="inner", maintain_order="left")
        .filter(pl.col("doc_id") != pl.col("positive"))
        .select(
            "query_id",
            "doc_id",
            detail=pl.format("of {}, as the positive {}", "parent", "positive"),
        )
    )
