"""labelled: no candidate that is known to be relevant to its query, by id or by the same text; none of a grade between."""

from __future__ import annotations

import polars as pl


def labelled(pool: pl.DataFrame, labels: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose document, or one of the same text, is labelled positive or unknown for the query.

    Sibling positives are what mining after unrolling (query, positive) rows takes for negatives; here all labels of a
    query count, those that earlier rounds promoted included.

    Args:
        pool: query_id, doc_id.
        labels: query_id, doc_id, label: all that is known of the queries.
        texts: doc_id, full_text.

    Returns:
        query_id, doc_id, detail.
    """
    known = labels.filter(pl.col("label") != "negative").select("query_id", labelled_id="doc_id", label=pl.col("label").cast(pl.String))
    known = known.join(texts.select(labelled_id="doc_id", full_text="full_text"), on="labelled_id", how="left", maintain_order="left")
    pairs = pool.join(texts.select("doc_id", "full_text"), on="doc_id", how="left", maintain_order="left")
    by_id = pairs.join(
        known, left_on=["query_id", "doc_id"], right_on=["query_id", "labelled_id"], how="inner", maintain_order="left"
    ).select("query_id", "doc_id", detail=pl.format("labelled {}", "label"))
    by_text = pairs.join(known, on=["query_id", "full_text"], how="inner", maintain_order="left").select(
        "query_id", "doc_id", detail=pl.format("the text of {}, labelled {}", "labelled_id", "label")
    )
    return pl.concat([by_id, by_text])
