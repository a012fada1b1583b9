"""near-duplicate: removes candidates that are near-duplicates of a labelled positive (MinHash;
Broder 1997).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.text.near_duplicates import signatures, similar


def near_duplicate(
    pool: pl.DataFrame,
    positives: pl.DataFrame,
    texts: pl.DataFrame,
    *,
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8,
) -> pl.DataFrame:
    """Pairs whose document is a near-duplicate of a labelled positive of the query.

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        texts: doc_id, full_text.
        threshold: minimum estimated Jaccard similarity of the sets of word trigrams. At 0.8, the
            standard error of the estimate is 0.035. [Hone default]

    Returns:
        query_id, doc_id, detail.
    """
    pairs = pool.select("query_id", "doc_id").join(
        positives.select("query_id", positive="doc_id"),
        on="query_id",
        how="inner",
        maintain_order="left",
    )
    used = pl.concat([pairs["doc_id"], pairs["positive"]]).unique(maintain_order=True)
    sketched = texts.join(used.to_frame("doc_id"), on="doc_id", how="semi", maintain_order="left")
    sketches = signatures(sketched["full_text"].to_list())
    number = sketched.select("doc_id").with_row_index("number")
    pairs = pairs.join(number, on="doc_id", how="inner", maintain_order="left").join(
        number.select(positive="doc_id", against="number"),
        on="positive",
        how="inner",
        maintain_order="left",
    )
    rows, alike = similar(
        sketches, pairs["number"].to_numpy(), pairs["against"].to_numpy(), threshold
    )
    return (
        pairs[rows]
        .with_columns(alike=pl.Series(alike))
        .select(
            "query_id",
            "doc_id",
            detail=pl.format("{} like {}", pl.col("alike").round(2), "positive"),
        )
    )
