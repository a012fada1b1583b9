"""Pairs of documents that were split into chunks: a document's label applies to each of its
chunks.
"""

from __future__ import annotations

import polars as pl


def of_chunks(pairs: pl.DataFrame, parents: pl.DataFrame) -> pl.DataFrame:
    """Replace each pair that names a parent with one pair for each of its chunks, without
    duplicates.

    Args:
        pairs: query_id, doc_id and other columns. A doc_id may name the parent of chunks.
        parents: doc_id, parent_id of documents. Rows without a parent_id are not chunks.

    Returns:
        The columns of `pairs`: first the pairs that name a document, then those of chunks.
    """
    chunks = parents.filter(pl.col("parent_id").is_not_null())
    own = pairs.filter(~pl.col("doc_id").is_in(chunks["parent_id"].implode()))
    spread = pairs.join(
        chunks, left_on="doc_id", right_on="parent_id", how="inner", maintain_order="left"
    )
    both = pl.concat(
        [own, spread.with_columns(doc_id=pl.col("doc_id_right")).select(pairs.columns)]
    )
    return both.unique(["query_id", "doc_id"], keep="first", maintain_order=True)
