"""labelled: removes candidates that are labelled positive or unknown for their query, by id or
by the same text.
"""

from __future__ import annotations

import polars as pl

from hone.data.pair_lookup import where
from hone.data.same_queries import JUDGE as SAME_QUERY
from hone.data.unknown import is_dropped


def labelled(pool: pl.DataFrame, labels: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose document, or one with the same text, is labelled positive or unknown for the
    query.

    Mining after unrolling (query, positive) rows uses sibling positives as negatives. Here all
    labels of a query count, including those that earlier rounds promoted or dropped. Labels of
    other queries with the same text count as well. Texts are equal if their normalized forms are.

    Args:
        pool: query_id, doc_id.
        labels: query_id, doc_id, label, judge, reason: all labels of the queries.
        texts: doc_id, plain (the normalized text).

    Returns:
        query_id, doc_id, detail.
    """
    dropped = (
        pl.when(is_dropped())
        .then(pl.lit("unknown (dropped)"))
        .otherwise(pl.col("label").cast(pl.String))
    )
    known = labels.filter(pl.col("label") != "negative").select(
        "query_id",
        "doc_id",
        label=pl.when(pl.col("judge") == SAME_QUERY).then("reason").otherwise(dropped),
    )
    by_id = (
        known.with_columns(row=pl.Series(where(known, pool)))
        .filter(pl.col("row") >= 0)
        .sort("row")
        .select("query_id", "doc_id", detail=pl.format("labelled {}", "label"))
    )
    copies = texts.select("doc_id", "plain").filter(
        (pl.col("plain") != "") & pl.col("plain").is_duplicated()
    )
    of_known = known.join(copies, on="doc_id", how="inner", maintain_order="left").rename(
        {"doc_id": "labelled_id"}
    )
    by_text = (
        pool.select("query_id", "doc_id")
        .join(copies, on="doc_id", how="inner", maintain_order="left")
        .join(of_known, on=["query_id", "plain"], how="inner", maintain_order="left")
        .select(
            "query_id",
            "doc_id",
            detail=pl.format("the text of {}, labelled {}", "labelled_id", "label"),
        )
    )
    return pl.concat([by_id, by_text])
