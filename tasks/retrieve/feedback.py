"""feedback: a second search with the query moved towards its top passages: Rocchio's
pseudo-relevance feedback on vectors.

Li et al., "Pseudo Relevance Feedback with Deep Language Models and Dense Retrievers" (arXiv
2108.11044). The second search finds documents that resemble the first results rather than the words
of the query.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from hone.encoders.search import QUERIES_PER_BLOCK, as_table, nearest
from hone.encoders.store import Vectors

COMPARES_QUERIES = True  # its encoder compares queries with documents, so it can score candidates


def feedback(
    queries: pl.DataFrame,
    documents: Documents,
    models: Models,
    *,
    depth: Annotated[int, Field(ge=1)] = 100,
    passages: Annotated[int, Field(ge=1)] = 5,
    alpha: Annotated[float, Field(gt=0)] = 0.4,
    beta: Annotated[float, Field(ge=0)] = 0.6,
    model: str | None = None,
    revision: str | None = None,
) -> pl.DataFrame:
    """The `depth` documents nearest to alpha q + beta m for every query q. m is the mean of its
    `passages` nearest documents.

    Args:
        queries: query_id, text.
        documents: the collection.
        models: the available encoders.
        depth: candidates per query. [Hone default]
        passages: number of top passages that are assumed relevant. [survey]
        alpha, beta: weights of the query and of the passages' mean. 5 passages with 0.4 and 0.6 are
            the settings of Pyserini's reproduction guide (docs/experiments-vector-prf.md), for
            inner products. They were not checked in the paper. [survey]
        model: a teacher. Null: the round's starting model. [Hone default]
        revision: revision of a teacher on the Hub. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1), score (inner product in fp32 with the moved query). If the
        model uses cosine, that query is normalized again, which does not change the order. With
        beta 0 the order is that of `dense`.
    """
    encoder = models.encoder(model)
    query_vectors, document_vectors = (
        encoder.queries(queries["text"].to_list()),
        encoder.documents(documents),
    )
    found = [
        nearest(
            moved(
                query_vectors.part(slice(start, start + QUERIES_PER_BLOCK)),
                document_vectors,
                passages,
                alpha,
                beta,
            ),
            document_vectors,
            depth,
        )
        for start in range(0, len(query_vectors), QUERIES_PER_BLOCK)
    ]
    width = min(depth, len(document_vectors))
    scores = np.concatenate(
        [np.empty((0, width), dtype=np.float32), *(scores for scores, _ in found)]
    )
    rows = np.concatenate([np.empty((0, width), dtype=np.int64), *(rows for _, rows in found)])
    return as_table(queries["query_id"], documents.ids, scores, rows)


def moved(
    queries: Vectors, documents: Vectors, passages: int, alpha: float, beta: float
) -> np.ndarray:
    """The queries' vectors [n, d] of the second search."""
    own = queries.take(slice(None))
    _, rows = nearest(own, documents, passages)
    if not rows.size:
        return own
    mean = documents.take(rows.ravel()).reshape(*rows.shape, -1).mean(axis=1)
    second = np.float32(alpha) * own + np.float32(beta) * mean
    return (
        second / np.maximum(np.linalg.norm(second, axis=1, keepdims=True), 1e-12)
        if queries.unit
        else second
    )
