"""Sampling weights for held-out positives that prefer those with few rare words in common with
their query.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.data.tables import Documents
from hone.text.bm25 import ranked

DEPTH = 100  # ranks that are distinguished [Hone default]


def rank_weights(
    positives: pl.DataFrame, queries: pl.DataFrame, documents: Documents, language: str
) -> np.ndarray:
    """The BM25 rank of each labelled positive, as a weight: 1 for the first, 101 beyond the first
    100.

    A parent of chunks has the rank of its best chunk.

    Args:
        positives: query_id, doc_id.
        queries: query_id, text.
        documents: the collection.
        language: language of the stemmer.

    Returns:
        [positives], from 1 to 101.
    """
    found = ranked(queries.select("query_id", "text"), documents, language, depth=DEPTH).select(
        "query_id", "doc_id", "rank"
    )
    of_parents = found.join(documents.parents, on="doc_id", how="inner").select(
        "query_id", "rank", doc_id="parent_id"
    )
    ranks = (
        pl.concat([found, of_parents.select(found.columns)])
        .group_by("query_id", "doc_id")
        .agg(pl.col("rank").min())
    )
    joined = positives.join(ranks, on=["query_id", "doc_id"], how="left", maintain_order="left")
    return joined["rank"].fill_null(DEPTH + 1).to_numpy().astype(np.float64)
