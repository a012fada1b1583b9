"""judged: documents labelled not relevant (relevance 0), the only negatives with a human
judgment.
"""

from __future__ import annotations

import polars as pl


def judged(labels: pl.DataFrame) -> pl.DataFrame:
    """The labelled negatives of every query, in the order of the qrels.

    Args:
        labels: labels of the training queries.

    Returns:
        query_id, doc_id, rank (from 1), score (0, because nothing compared them).
    """
    return labels.filter((pl.col("label") == "negative") & (pl.col("judge") == "qrels")).select(
        "query_id",
        "doc_id",
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"),
        score=pl.lit(0.0, dtype=pl.Float32),
    )
