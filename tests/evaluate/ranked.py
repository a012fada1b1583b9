"""Rankings and judgments in a line: documents are letters."""

from __future__ import annotations

import polars as pl


def ranked(**queries: str) -> pl.DataFrame:
    """The ranking of each query: its documents are letters."""
    rows = [
        (query, doc, place)
        for query, docs in queries.items()
        for place, doc in enumerate(docs, start=1)
    ]
    return pl.DataFrame(
        rows, schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32}, orient="row"
    )


def qrels(**graded: dict[str, int]) -> pl.DataFrame:
    rows = [(query, doc, grade) for query, docs in graded.items() for doc, grade in docs.items()]
    return pl.DataFrame(
        rows,
        schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32},
        orient="row",
    )
