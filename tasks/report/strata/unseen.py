"""unseen: queries with a word that training never saw, against the others.

Source: ours. A round that has learned the words of its training set by heart gains on the others and not on these.
"""

from __future__ import annotations

import polars as pl

from hone.text.bm25 import content_words

LEVELS = {
    "unseen": "a word of the query stands in no training query and in no known answer of one",
    "seen": "every word of the query stands in one",
}


def unseen(queries: pl.DataFrame, training: pl.DataFrame, language: str) -> pl.DataFrame:
    """A level of `LEVELS` for each query that has a content word. Words are stemmed, stop words left out.

    Args:
        queries: query_id, text.
        training: `text` of every training query and of every known right answer of one.
        language: of the stemmer.

    Returns:
        query_id, level.
    """
    new, old = LEVELS
    asked = content_words(queries.select("query_id", "text"), language)
    known = content_words(training.select("text"), language)
    is_new = (~pl.col("word").is_in(known["word"].implode())).any()
    return asked.group_by("query_id", maintain_order=True).agg(level=pl.when(is_new).then(pl.lit(new)).otherwise(pl.lit(old)))
