"""overlap: whether a query shares more words with a relevant document or with another document.

Source: Hone default, based on the lexical-overlap bias that NevIR finds in retrievers (Weller et
al., arXiv 2305.07614). A model that counts common words does well if the relevant document has most
of them. It does badly if another document has more.
"""

from __future__ import annotations

import polars as pl

from hone.text.bm25 import content_words

LEVELS = {
    "high": "a relevant document has more of the query's words than the best other document",
    "even": "both have the same number",
    "low": "the best other document has more of the query's words",
}
CUT_BY = "bm25"


def overlap(
    queries: pl.DataFrame, answers: pl.DataFrame, rivals: pl.DataFrame, language: str
) -> pl.DataFrame:
    """A level of `LEVELS` for each query that has a content word.

    Words are stemmed, and stop words are removed. The relevant document with most of the query's
    words counts.

    Args:
        queries: query_id, text.
        answers: query_id, doc_id, text of every relevant document.
        rivals: query_id, doc_id, text of the document that BM25 ranks highest among those not
            labelled relevant. A query has no row if no such document contains one of its words.
        language: the stemmer's language.

    Returns:
        query_id, level.
    """
    high, even, low = LEVELS
    query_words = content_words(queries.select("query_id", "text"), language)
    most = query_words.select("query_id").unique(maintain_order=True)
    for name, texts in (("answer", answers), ("rival", rivals)):
        most = most.join(
            most_in_common(query_words, texts, language).rename({"words": name}),
            on="query_id",
            how="left",
            maintain_order="left",
        )
    more = pl.col("answer").fill_null(0).cast(pl.Int64) - pl.col("rival").fill_null(0).cast(
        pl.Int64
    )
    level = (
        pl.when(more > 0)
        .then(pl.lit(high))
        .when(more == 0)
        .then(pl.lit(even))
        .otherwise(pl.lit(low))
    )
    return most.select("query_id", level=level)


def most_in_common(query_words: pl.DataFrame, texts: pl.DataFrame, language: str) -> pl.DataFrame:
    """query_id and `words`: the largest number of a query's words in any of its texts. A query
    without common words has no row.
    """
    documents = content_words(
        texts.select("doc_id", "text").unique("doc_id", maintain_order=True), language
    )
    common = (
        texts.select("query_id", "doc_id")
        .join(query_words, on="query_id")
        .join(documents, on=["doc_id", "word"], how="semi")
    )
    return (
        common.group_by("query_id", "doc_id")
        .agg(words=pl.len())
        .group_by("query_id")
        .agg(pl.col("words").max())
    )
