"""near-duplicate: queries that resemble an earlier generated query or a training query.

Queries that resemble a dev or test query are always removed, whether or not a recipe has this
filter; see `tasks.generate.held_out`.
"""

from __future__ import annotations

import polars as pl

from hone.data.tables import normalised
from hone.text.alike import near_pairs
from tasks.generate.context import GenerationContext


def near_duplicate(
    queries: pl.DataFrame, collection: GenerationContext, *, training: bool = True
) -> pl.DataFrame:
    """Remove queries whose character 4-grams resemble those of another (Jaccard similarity of 0.8
    or more, MinHash).

    Args:
        queries: query_id, text, doc_id, document.
        collection: its training queries.
        training: compare with the labelled training queries, too. [Hone default]

    Returns:
        query_id, detail of the removed queries. The first of several similar
            queries stays.
    """
    rows = (
        queries.select("query_id", "text", same=normalised(pl.col("text")))
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64))
    )
    alike = near_pairs(
        rows.select("place", "same", "text"),
        rows.select("same", "text", other_place="place"),
    ).filter(pl.col("other_place") < pl.col("place"))
    first = alike.unique("place", keep="first", maintain_order=True)
    texts = rows.select(other_place="place", other="text")
    repeated = (
        first.join(texts, on="other_place", how="inner", maintain_order="left")
        .join(rows.select("place", "query_id"), on="place", how="inner", maintain_order="left")
        .select("query_id", detail=pl.format("resembles the generated query '{}'", quote("other")))
    )
    if not training:
        return repeated
    known = collection.training_pairs.select("text").unique(maintain_order=True)
    resembling = find_resembling(rows, known).select(
        "query_id", detail=pl.format("resembles the training query '{}'", quote("other"))
    )
    return pl.concat([repeated, resembling]).unique("query_id", keep="first", maintain_order=True)


def find_resembling(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The rows that resemble another text.

    Args:
        rows: query_id, text, same, place.
        others: text, and further columns.

    Returns:
        query_id, other, and the further columns: one row for each resembling query.
    """
    right = (
        others.with_columns(same=normalised(pl.col("text")))
        .rename({"text": "other"})
        .with_row_index("other_place")
        .with_columns(pl.col("other_place").cast(pl.Int64))
    )
    alike = near_pairs(
        rows.select("place", "same", "text"), right.select("other_place", "same", text="other")
    )
    return (
        alike.unique("place", keep="first", maintain_order=True)
        .join(right.drop("same"), on="other_place", how="inner", maintain_order="left")
        .join(rows.select("place", "query_id"), on="place", how="inner", maintain_order="left")
        .drop("place", "other_place")
    )


def quote(name: str) -> pl.Expr:
    """The beginning of a text, for a detail."""
    return pl.col(name).str.slice(0, 80)
