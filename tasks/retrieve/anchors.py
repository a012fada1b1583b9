"""The known answers that a source looks around: labels that came with the collection, none that a judge promoted."""

from __future__ import annotations

import polars as pl


def anchors(labels: pl.DataFrame) -> pl.DataFrame:
    """query_id and doc_id of the known positives, in the order of the labels."""
    return labels.filter((pl.col("label") == "positive") & (pl.col("judge") == "qrels")).select("query_id", "doc_id")
