"""found: the queries for which the judge found at least one false negative (RLHN, arXiv
2505.16967, paper and code).
"""

from __future__ import annotations

import polars as pl


def found(said: pl.DataFrame, *, whole_query: bool = True) -> pl.DataFrame:
    """Pairs that are escalated to the next judge.

    Args:
        said: query_id, doc_id, verdict of this judge.
        whole_query: all pairs of such a query, as in RLHN; false: only the positives. [authors'
            code]

    Returns:
        query_id, doc_id.
    """
    hits = said.filter(pl.col("verdict") == "positive")
    chosen = (
        said.join(hits, on="query_id", how="semi", maintain_order="left") if whole_query else hits
    )
    return chosen.select("query_id", "doc_id")
