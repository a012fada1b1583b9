"""bm25: the documents that share the query's rare words (Robertson and Zaragoza 2009; Lucene's variant, by bm25s)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import numpy as np
import polars as pl
from pydantic import Field

from tasks.encode.search import as_table, rows_of
from tasks.errors import Refused, nearest
from tasks.tables import Documents

if TYPE_CHECKING:
    from bm25s import BM25

K1, B = 0.9, 0.4  # Anserini's, used with BEIR


def bm25(
    queries: pl.DataFrame,
    documents: Documents,
    language: str,
    *,
    depth: Annotated[int, Field(ge=1)] = 100,
    k1: Annotated[float, Field(ge=0)] = K1,
    b: Annotated[float, Field(ge=0, le=1)] = B,
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
    index, words = indexed(documents, language, k1, b)
    if index is None:
        return as_table(queries["query_id"], documents.ids, np.empty((len(queries), 0)), np.empty((len(queries), 0), dtype=np.int64))
    asked = words.of(queries["text"].to_list())
    rows, scores = index.retrieve(asked, k=min(depth, len(documents)), show_progress=False, return_as="tuple", n_threads=-1)
    found = as_table(queries["query_id"], documents.ids, np.asarray(scores), np.asarray(rows))
    return found.filter(pl.col("score") > 0)


def scores_of(pairs: pl.DataFrame, queries: pl.DataFrame, documents: Documents, language: str) -> pl.DataFrame:
    """BM25's score of given pairs, as `bm25` has it by default; 0 without a common word.

    Args:
        pairs: query_id, doc_id.
        queries: query_id, text.
        documents: the collection, which says how rare a word is.
        language: of the stemmer.

    Returns:
        query_id, doc_id, score.
    """
    index, words = indexed(documents, language, K1, B)
    found = np.zeros(len(pairs), dtype=np.float32)
    asked = words.of(queries["text"].to_list())
    rows = rows_of(pairs, queries["query_id"], documents.ids)
    order = np.argsort(rows[:, 0], kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(rows[order, 0])) + 1):
        # All documents' scores of one query at a time: of all queries they would not fit the memory.
        if index is not None and len(places) and asked[rows[places[0], 0]]:
            found[places] = index.get_scores(asked[rows[places[0], 0]])[rows[places, 1]]
    return pairs.with_columns(score=pl.Series(found))


def indexed(documents: Documents, language: str, k1: float, b: float) -> tuple[BM25 | None, Words]:
    """The words of all documents, and how texts become such; null where no document has a word that counts."""
    import bm25s

    words = Words(language)
    texts = words.of(text for chunk in documents.chunks() for text in chunk)
    if not any(texts):  # of stop words and signs alone, which bm25s cannot index
        return None, words
    index = bm25s.BM25(method="lucene", k1=k1, b=b)
    index.index(texts, show_progress=False)
    return index, words


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
