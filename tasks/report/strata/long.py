"""long: queries whose right answers are longer than what the model reads, against the others.

Source: ours. A model cuts a text off after `model.max_length` tokens; what answers a query may stand behind.
"""

from __future__ import annotations

import polars as pl

LEVELS = {
    "cut": "every right answer is longer than what the model reads of it",
    "whole": "the model reads a right answer to its end",
}


def long(answers: pl.DataFrame, lengths: pl.DataFrame, limit: int) -> pl.DataFrame:
    """A level of `LEVELS` for each query.

    Args:
        answers: query_id, doc_id of every right answer (of a parent, its chunks).
        lengths: doc_id, tokens: by the model's tokenizer, with its special tokens and the prompt.
        limit: tokens that the model reads.

    Returns:
        query_id, level.
    """
    cut, whole = LEVELS
    shortest = answers.join(lengths, on="doc_id", how="inner", maintain_order="left").group_by("query_id", maintain_order=True)
    return shortest.agg(level=pl.when(pl.col("tokens").min() > limit).then(pl.lit(cut)).otherwise(pl.lit(whole)))
