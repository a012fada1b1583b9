"""unseen: queries with a word that does not occur in training, compared with the others.

Source: Hone default. A round that has only memorized the words of its training set gains on the
other queries and not on these.
"""

from __future__ import annotations

import polars as pl

from hone.text.bm25 import content_words

LEVELS = {
    "unseen": "a word of the query occurs in no training query and no labelled positive",
    "seen": "every word of the query occurs in a training query or a labelled positive",
}


def unseen(queries: pl.DataFrame, training: pl.DataFrame, language: str) -> pl.DataFrame:
    """A level of `LEVELS` for each query that has a content word. Words are stemmed, and stop words
    are removed.

    Args:
        queries: query_id, text.
        training: `text` of every training query and every labelled positive.
        language: the stemmer's language.

    Returns:
        query_id, level.
    """
    new, old = LEVELS
    query_words = content_words(queries.select("query_id", "text"), language)
    known = content_words(training.select("text"), language)
    is_new = (~pl.col("word").is_in(known["word"].implode())).any()
    return query_words.group_by("query_id", maintain_order=True).agg(
        level=pl.when(is_new).then(pl.lit(new)).otherwise(pl.lit(old))
    )
