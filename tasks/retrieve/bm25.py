"""bm25: the documents that share the query's rare words (Robertson and Zaragoza 2009; Lucene's variant, by bm25s)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from tasks.encode.search import as_table
from tasks.errors import Refused, nearest
from tasks.tables import Documents


def bm25(
    queries: pl.DataFrame,
    documents: Documents,
    language: str,
    *,
    depth: Annotated[int, Field(ge=1)] = 100,
    k1: Annotated[float, Field(ge=0)] = 0.9,
    b: Annotated[float, Field(ge=0, le=1)] = 0.4,
) -> pl.DataFrame:
    """The `depth` best documents of every query, those without a common word left out.

    Args:
        queries: query_id, text.
        documents: the collection.
        language: of the stemmer, from the collection's settings; "none" stems nothing.
        depth: candidates a query.
        k1, b: term saturation and length normalisation; .9 and .4 are Anserini's, used with BEIR.

    Returns:
        query_id, doc_id, rank (from 1), score (above 0).
    """
    import bm25s

    words = Words(language)
    index = bm25s.BM25(method="lucene", k1=k1, b=b)
    texts = words.of(text for chunk in documents.chunks() for text in chunk)
    if not any(texts):  # of stop words and signs alone, which bm25s cannot index
        return as_table(queries["query_id"], documents.ids, np.empty((len(queries), 0)), np.empty((len(queries), 0), dtype=np.int64))
    index.index(texts, show_progress=False)
    asked = words.of(queries["text"].to_list())
    rows, scores = index.retrieve(asked, k=min(depth, len(documents)), show_progress=False, return_as="tuple", n_threads=-1)
    found = as_table(queries["query_id"], documents.ids, np.asarray(scores), np.asarray(rows))
    return found.filter(pl.col("score") > 0)


class Words:
    """Texts to stemmed words without the language's stop words."""

    def __init__(self, language: str) -> None:
        import Stemmer

        if language != "none" and language not in Stemmer.algorithms():
            raise Refused(f"there is no stemmer for the language '{language}': {nearest(language, Stemmer.algorithms())}")
        self.stemmer = None if language == "none" else Stemmer.Stemmer(language)
        self.stop_words = language if language in STOP_WORDS else []

    def of(self, texts: Iterable[str]) -> list[list[str]]:
        import bm25s

        return bm25s.tokenize(list(texts), stopwords=self.stop_words, stemmer=self.stemmer, return_ids=False, show_progress=False)


# The languages that bm25s has stop words for.
STOP_WORDS = frozenset({"english", "german", "dutch", "french", "spanish", "portuguese", "italian", "russian", "swedish",
                        "norwegian", "chinese", "turkish"})  # fmt: skip
