"""bm25: documents that share rare words with the query (Robertson and Zaragoza 2009; Lucene's
variant, by bm25s).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.tables import Documents
from hone.text.bm25 import K1, B, ranked


def bm25(
    queries: pl.DataFrame,
    documents: Documents,
    language: str,
    *,
    depth: Annotated[int, Field(ge=1)] = 100,
    k1: Annotated[float, Field(ge=0)] = K1,
    b: Annotated[float, Field(ge=0, le=1)] = B,
) -> pl.DataFrame:
    """The `depth` best documents of every query. Documents that share no term with the query are
    excluded.

    Args:
        queries: query_id, text.
        documents: the collection.
        language: language of the stemmer, from the collection's settings. "none" disables stemming.
            Scripts without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and
            Korean, are always indexed as character bigrams.
        depth: candidates per query. [Hone default]
        k1, b: term saturation and length normalization. 0.9 and 0.4 are Anserini's values, used
            with BEIR. [authors' code]

    Returns:
        query_id, doc_id, rank (from 1), score (above 0).
    """
    return ranked(queries, documents, language, depth=depth, k1=k1, b=b)
