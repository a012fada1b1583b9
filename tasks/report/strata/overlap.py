"""overlap: whether a query's words point to its right answer, or to another document.

Source: ours, after the lexical-overlap bias that NevIR finds in retrievers (Weller et al., arXiv 2305.07614): a model that counts common
words does well where these are in the right answer and badly where a wrong document has more of them.
"""

from __future__ import annotations

import polars as pl

from hone.text.bm25 import content_words

LEVELS = {
    "high": "a right answer has more of the query's words than the best other document",
    "even": "both have as many",
    "low": "the best other document has more of them",
}
CUT_BY = "bm25"


def overlap(queries: pl.DataFrame, answers: pl.DataFrame, rivals: pl.DataFrame, language: str) -> pl.DataFrame:
    """A level of `LEVELS` for each query that has a content word.

    Words are stemmed, stop words left out. Of several right answers the one with most of the query's words counts.

    Args:
        queries: query_id, text.
        answers: query_id, doc_id, text of every right answer.
        rivals: the same of the document that BM25 ranks highest among those that are not known to be right; a query without
            one has no other document with a word of it.
        language: of the stemmer.

    Returns:
        query_id, level.
    """
    high, even, low = LEVELS
    asked = content_words(queries.select("query_id", "text"), language)
    most = asked.select("query_id").unique(maintain_order=True)
    for name, texts in (("answer", answers), ("rival", rivals)):
        most = most.join(most_in_common(asked, texts, language).rename({"words": name}), on="query_id", how="left", maintain_order="left")
    more = pl.col("answer").fill_null(0).cast(pl.Int64) - pl.col("rival").fill_null(0).cast(pl.Int64)
    level = pl.when(more > 0).then(pl.lit(high)).when(more == 0).then(pl.lit(even)).otherwise(pl.lit(low))
    return most.select("query_id", level=level)


def most_in_common(asked: pl.DataFrame, texts: pl.DataFrame, language: str) -> pl.DataFrame:
    """query_id and `words`: how many of a query's words the text of its own that has most of them has; none: no row."""
    documents = content_words(texts.select("doc_id", "text").unique("doc_id", maintain_order=True), language)
    common = texts.select("query_id", "doc_id").join(asked, on="query_id").join(documents, on=["doc_id", "word"], how="semi")
    return common.group_by("query_id", "doc_id").agg(words=pl.len()).group_by("query_id").agg(pl.col("words").max())
