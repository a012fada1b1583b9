"""Pairs of documents that were cut into chunks: what is known of a document is known of each of its chunks."""

from __future__ import annotations

import polars as pl


def of_chunks(pairs: pl.DataFrame, parents: pl.DataFrame) -> pl.DataFrame:
    """The pairs with each that names a parent replaced by one for each of its chunks; none twice.

    Args:
        pairs: query_id, doc_id and more; a doc_id may name the parent of chunks.
        parents: doc_id, parent_id of documents; rows without a parent_id are no chunks.

    Returns:
        The columns of `pairs`: first those that name a document, then those of chunks.
    """
    chunks = parents.filter(pl.col("parent_id").is_not_null())
    own = pairs.filter(~pl.col("doc_id").is_in(chunks["parent_id"].implode()))
    spread = pairs.join(chunks, left_on="doc_id", right_on="parent_id", how="inner", maintain_order="left")
    both = pl.concat([own, spread.with_columns(doc_id=pl.col("doc_id_right")).select(pairs.columns)])
    return both.unique(["query_id", "doc_id"], keep="first", maintain_order=True)
