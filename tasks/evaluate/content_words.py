"""The words of texts that carry meaning: stemmed, without stop words, as BM25 reads them."""

from __future__ import annotations

import polars as pl

from hone.text.bm25 import Words


def content_words(texts: pl.DataFrame, language: str) -> pl.DataFrame:
    """The different words of each text.

    Args:
        texts: `text`, beside columns that name it.
        language: of the stemmer, from the collection's settings.

    Returns:
        The other columns and `word`, a row for each different word; a text that has none has no row.
    """
    words = pl.Series("word", Words(language).of(texts["text"]), dtype=pl.List(pl.String))
    return texts.drop("text").with_columns(words).explode("word").drop_nulls("word").unique(maintain_order=True)
