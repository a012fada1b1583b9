"""spread: a number of documents, spread over clusters of the base model's vectors."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.seeds import seed_of, unit_hashes
from tasks.generate.context import GenerationContext

NEEDS_ENCODER = True
SAMPLE = 100_000  # vectors from which the clusters are computed [Hone default]
ITERATIONS = 20  # of k-means [Hone default]


def spread(
    documents: pl.DataFrame,
    collection: GenerationContext,
    seed: int,
    *,
    count: Annotated[int, Field(ge=1)],
    clusters: Annotated[int, Field(ge=1, le=4_096)] = 100,
) -> pl.Series:
    """Documents from each cluster in turn, so that rare topics are covered. More documents add to
    the same ones.

    Args:
        documents: doc_id, labelled, words.
        collection: with the base model.
        seed: of the collection.
        count: number of documents.
        clusters: number of clusters (k-means on the vectors of the base model). [Hone default]

    Returns:
        doc_ids in order, at most `count`.
    """
    ids, vectors = collection.encoder.documents_of(collection.documents, documents["doc_id"])
    found = assign_clusters(vectors.take(slice(0, len(ids))), clusters, seed_of(seed, "spread"))
    places = unit_hashes(ids.to_list(), seed)
    rows = pl.DataFrame({"doc_id": ids, "cluster": found, "place": places})
    turns = rows.with_columns(turn=pl.col("place").rank("ordinal").over("cluster"))
    return turns.sort("turn", "place", "doc_id")["doc_id"].head(count)


def assign_clusters(vectors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """The cluster of each vector, by k-means.

    Args:
        vectors: [n, d] of fp32.
        clusters: at most n.
        seed: of the first centroids, and of the sample if there are many vectors.

    Returns:
        [n] of int64.
    """
    import faiss

    if len(vectors) <= clusters:
        return np.arange(len(vectors))
    draw = np.random.default_rng(seed)
    sample = vectors
    if len(vectors) > SAMPLE:
        sample = vectors[np.sort(draw.choice(len(vectors), SAMPLE, replace=False))]
    means = faiss.Kmeans(
        vectors.shape[1], clusters, niter=ITERATIONS, seed=seed >> 1, min_points_per_centroid=1
    )
    means.train(np.ascontiguousarray(sample))
    return means.index.search(np.ascontiguousarray(vectors), 1)[1][:, 0]
