"""same-text: removes candidates whose normalized text equals that of a labelled positive."""

from __future__ import annotations

import polars as pl


def same_text(pool: pl.DataFrame, positives: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Pairs whose document has the normalized text of a labelled positive of the query.

    In a corpus with variants of its documents, 12 of 12 mined "negatives" were copies of the
    positive. Another miner was used (see docs/explanation/guarantees.md).

    Args:
        pool: query_id, doc_id.
        positives: query_id, doc_id.
        texts: doc_id, plain (the normalized text).

    Returns:
        query_id, doc_id, detail.
    """
    same = texts.select(
        "doc_id", same=pl.col("plain").rank("dense")
    )  # the number of a text, because numbers are joined faster than texts
    known = positives.select("query_id", positive="doc_id").join(
        same.rename({"doc_id": "positive"}), on="positive", how="inner", maintain_order="left"
    )
    answers = same.join(known, on="same", how="semi", maintain_order="left")
    return (
        pool.select("query_id", "doc_id")
        .join(answers, on="doc_id", how="inner", maintain_order="left")
        .join(known, on=["query_id", "same"], how="inner", maintain_order="left")
        .select("query_id", "doc_id", detail=pl.format("the text of {}", "positive"))
    )
