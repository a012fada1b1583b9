"""The guard of every recipe: no generated query may resemble a dev or test query."""

from __future__ import annotations

import polars as pl

from hone.data.tables import normalised
from hone.generation.rows import Generated, removed_rows
from tasks.generate.context import GenerationContext
from tasks.generate.filters.near_duplicate import find_resembling

RULE = "held-out"


def without_held_out(rows: Generated, collection: GenerationContext) -> Generated:
    """Rows without queries that resemble a dev or test query of any collection (Jaccard similarity
    of the character 4-grams of 0.8 or more, MinHash). The table `removed` does not repeat the query
    of a test.
    """
    if rows.queries.is_empty() or collection.held_out.is_empty():
        return rows
    numbered = (
        rows.queries.select("query_id", "text", same=normalised(pl.col("text")))
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64))
    )
    found = find_resembling(numbered, collection.held_out).join(
        rows.queries.select("query_id", "doc_id"), on="query_id", how="inner", maintain_order="left"
    )
    detail = pl.format("resembles a {} query of {}", "split", "collection")
    return rows.without(removed_rows(found, RULE, detail))
