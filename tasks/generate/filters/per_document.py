"""per-document: more queries of one document than a limit."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field


def per_document(queries: pl.DataFrame, *, most: Annotated[int, Field(ge=1)] = 1) -> pl.DataFrame:
    """Remove the queries of each document after the first `most`, so that no document dominates.

    Args:
        queries: query_id, text, doc_id, document.
        most: maximum number of queries per document and method. [Hone default]

    Returns:
        query_id, detail of the removed queries.
    """
    place = pl.int_range(pl.len()).over("doc_id", "method")
    return queries.filter(place >= most).select(
        "query_id",
        detail=pl.lit(f"the document has {most} other {'query' if most == 1 else 'queries'}"),
    )
