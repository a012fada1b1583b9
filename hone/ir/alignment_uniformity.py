"""Geometry of a model's embedding space: alignment, uniformity, and the score gap between relevant
and other documents.

A collapsing model moves all texts together. At first the scores on easy queries may still look
good.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.data.tables import Documents
from hone.encoders.encoder import Encoder
from hone.encoders.store import Vectors
from hone.ir.measures import in_blocks

NAMES = ("alignment", "uniformity", "gap")
PAIRS_AT_ONCE = 8_192
SAMPLE = 2_000  # documents, evenly spaced, so every round is measured on the same ones


def geometry(
    encoder: Encoder,
    queries: pl.DataFrame,
    documents: Documents,
    qrels: pl.DataFrame,
    run: pl.DataFrame,
    min_relevance: int,
) -> dict[str, float | None]:
    """Alignment and uniformity (Wang and Isola 2020, arXiv 2005.10242) of unit vectors, and the
    score gap.

    Args:
        encoder: the evaluated model. Its vectors come from the embedding cache.
        queries: query_id, text.
        documents: the collection.
        qrels: query_id, doc_id, relevance.
        run: query_id, doc_id, score: the ranking.
        min_relevance: the lowest relevance grade of a relevant document.

    Returns:
        alignment: mean squared distance of a query to its relevant documents, 0 to 4. uniformity:
            logarithm of the mean of exp(-2 squared
        distance) over pairs of documents, at most 0 (all vectors equal). gap: score of the best
        relevant document minus that of the best other document, averaged over queries with both in
        the ranking. Null if nothing can be measured. Vectors of length 0 are ignored.
    """
    right = (
        qrels.filter(pl.col("relevance") >= min_relevance)
        .select("query_id", "doc_id")
        .unique(maintain_order=True)
    )
    ids = documents.ids
    sampled = ids.gather(
        np.unique(np.linspace(0, max(len(ids) - 1, 0), min(SAMPLE, len(ids))).astype(np.int64))
    )
    # Only these are read and looked up again, because the ranking has already read all documents.
    texts = (
        documents.texts(pl.concat([sampled, right["doc_id"]]))
        .select("doc_id", "full_text")
        .sort("doc_id")
        .with_row_index("row")
    )
    vectors = encoder.vectors([texts["full_text"].to_list()], "document", len(texts))
    pairs = right.join(
        queries.select("query_id").with_row_index("query_row"), on="query_id", how="inner"
    )
    pairs = pairs.join(texts.select("doc_id", "row"), on="doc_id", how="inner")
    spread = unit(
        vectors.take(
            texts.filter(pl.col("doc_id").is_in(sampled.implode()))["row"]
            .to_numpy()
            .astype(np.int64)
        )
    )
    return {
        "alignment": alignment(
            encoder.queries(queries["text"].to_list()),
            vectors,
            pairs.select("query_row", "row").to_numpy().astype(np.int64),
        ),
        "uniformity": uniformity(spread[spread.any(axis=1)]),
        "gap": gap(run, right),
    }


def unit(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors in fp32. Vectors of length 0 are unchanged."""
    wide = np.asarray(vectors, dtype=np.float32)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)


def alignment(queries: Vectors, documents: Vectors, pairs: np.ndarray) -> float | None:
    """Alignment of queries and their relevant documents, rows [n, 2]. Null if no pair has two
    nonzero vectors.
    """
    total, count = 0.0, 0
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        rows = pairs[start : start + PAIRS_AT_ONCE]
        query_vectors = unit(queries.take(rows[:, 0]))
        document_vectors = unit(documents.take(rows[:, 1]))
        nonzero = query_vectors.any(axis=1) & document_vectors.any(axis=1)
        total += float(
            np.square(query_vectors - document_vectors).sum(axis=1, dtype=np.float64)[nonzero].sum()
        )
        count += int(nonzero.sum())
    return total / count if count else None


def uniformity(vectors: np.ndarray) -> float | None:
    """Uniformity over all pairs of different rows of unit vectors [n, d]. Null for fewer than
    two.
    """
    if len(vectors) < 2:
        return None
    kernel = np.exp(-2 * np.maximum(2 - 2 * (vectors @ vectors.T).astype(np.float64), 0))
    pairs = len(vectors) * (len(vectors) - 1)
    return float(np.log((kernel.sum() - np.trace(kernel)) / pairs))


def gap(run: pl.DataFrame, right: pl.DataFrame) -> float | None:
    """Mean score gap between a query's best relevant document and its best other document."""
    marks, is_right = right.with_columns(right=pl.lit(True)), pl.col("right").fill_null(False)
    sums = [(0.0, 0)]
    for part in in_blocks(run):
        marked = part.join(marks, on=["query_id", "doc_id"], how="left", maintain_order="left")
        best = marked.group_by("query_id").agg(
            answer=pl.col("score").filter(is_right).max(),
            other=pl.col("score").filter(~is_right).max(),
        )
        values = best.select(
            (pl.col("answer") - pl.col("other")).cast(pl.Float64).drop_nulls().sort()
        )["answer"]
        sums.append((float(values.sum()), len(values)))
    total, count = map(sum, zip(*sums, strict=True))
    return total / count if count else None
