"""long: queries whose relevant documents are longer than the model's input limit, compared with the
others.

Source: Hone default. A model truncates a text after `model.max_length` tokens. The passage that
answers a query may come later.
"""

from __future__ import annotations

import polars as pl

LEVELS = {
    "cut": "every relevant document is truncated",
    "whole": "the model reads at least one relevant document to its end",
}


def long(answers: pl.DataFrame, lengths: pl.DataFrame, limit: int) -> pl.DataFrame:
    """A level of `LEVELS` for each query.

    Args:
        answers: query_id, doc_id of every relevant document. A parent document is represented by
            its chunks.
        lengths: doc_id, tokens. The model's tokenizer counts them, including special tokens and the
            prompt.
        limit: maximum number of tokens that the model reads.

    Returns:
        query_id, level.
    """
    cut, whole = LEVELS
    shortest = answers.join(lengths, on="doc_id", how="inner", maintain_order="left").group_by(
        "query_id", maintain_order=True
    )
    return shortest.agg(
        level=pl.when(pl.col("tokens").min() > limit).then(pl.lit(cut)).otherwise(pl.lit(whole))
    )
