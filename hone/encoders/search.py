"""Exact nearest-neighbor search in blocks of documents, without the full score matrix."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.encoders.store import Vectors
from hone.errors import Refused, listed

QUERIES_PER_BLOCK = 4096


def nearest(
    queries: Vectors | np.ndarray, documents: Vectors, depth: int
) -> tuple[np.ndarray, np.ndarray]:
    """The `depth` documents with the highest inner product for each query, in fp32.

    Args:
        queries: n queries, in the cache or as an array [n, d] of fp32.
        documents: m documents.
        depth: number of documents for each query. All m if there are fewer.

    Returns:
        Scores [n, depth] in descending order and rows of documents [n, depth].

    Raises:
        Refused: a vector contains NaN, so a query has fewer neighbors, or queries and documents
            differ in length.
    """
    import faiss

    refuse_dimensions(
        queries.shape[1] if isinstance(queries, np.ndarray) else queries.dimension,
        len(queries),
        documents,
    )

    depth = min(depth, len(documents))
    scores = np.empty((len(queries), depth), dtype=np.float32)
    rows = np.empty((len(queries), depth), dtype=np.int64)
    if depth == 0:
        return scores, rows
    for start in range(0, len(queries), QUERIES_PER_BLOCK):
        part = slice(start, start + QUERIES_PER_BLOCK)
        query_vectors = queries[part] if isinstance(queries, np.ndarray) else queries.take(part)
        heap = faiss.ResultHeap(len(query_vectors), depth, keep_max=True)
        for first, block in documents.blocks():
            found = faiss.knn(
                query_vectors, block, min(depth, len(block)), metric=faiss.METRIC_INNER_PRODUCT
            )
            heap.add_result(found[0], found[1] + first)
        heap.finalize()
        end = start + len(query_vectors)
        scores[start:end], rows[start:end] = heap.D, heap.I
    if (rows < 0).any():
        raise Refused(
            "vectors in the embedding cache contain NaN, so their model is broken (`hone cache` "
            "shows which). Train it again."
        )
    return scores, rows


def as_table(
    query_ids: pl.Series, doc_ids: pl.Series, scores: np.ndarray, rows: np.ndarray
) -> pl.DataFrame:
    """A search result as query_id, doc_id, rank (from 1), score: one row for each query and
    document.
    """
    count, depth = rows.shape
    return pl.DataFrame(
        {
            "query_id": query_ids.gather(np.repeat(np.arange(count), depth)),
            "doc_id": doc_ids.gather(rows.ravel()),
            "rank": np.tile(np.arange(1, depth + 1, dtype=np.int32), count),
            "score": scores.ravel(),
        },
        schema={"query_id": pl.String, "doc_id": pl.String, "rank": pl.Int32, "score": pl.Float32},
    )


def pair_scores(
    queries: Vectors, documents: Vectors, pairs: np.ndarray, rows: int = 65_536
) -> np.ndarray:
    """Inner products in fp32 of pairs [n, 2] of query and document rows: array [n]."""
    refuse_dimensions(queries.dimension, len(queries), documents)
    scores = np.empty(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), rows):
        part = pairs[start : start + rows]
        scores[start : start + rows] = np.einsum(
            "nd,nd->n", queries.take(part[:, 0]), documents.take(part[:, 1]), optimize=False
        )
    return scores


def rows_of(pairs: pl.DataFrame, *ids: pl.Series) -> np.ndarray:
    """Array [n, k]: the row of each id of the k columns of `pairs` in the corresponding id list.

    Raises:
        Refused: an id is missing. The row of another text must never replace it.
    """
    return np.column_stack(
        [places_of(pairs[name], known) for name, known in zip(pairs.columns, ids, strict=True)]
    )


def places_of(wanted: pl.Series, known: pl.Series) -> np.ndarray:
    """Array [n]: the positions of the ids `wanted` in `known`, each exactly once.

    Raises:
        Refused: an id is missing or duplicated.
    """
    places = pl.DataFrame({"id": known}).with_row_index("row")
    found = wanted.to_frame("id").join(places, on="id", how="left", maintain_order="left")
    if len(found) > len(wanted):
        raise Refused(
            "ids are duplicated, for example "
            f"{listed(known.filter(known.is_duplicated()).unique())}. Run `dvc repro`."
        )
    absent = found.filter(pl.col("row").is_null())["id"]
    if len(absent):
        raise Refused(
            f"{len(absent):,} of {len(wanted):,} ids are not among the encoded texts, for example "
            f"{listed(absent.unique())}, so "
            "the tables are inconsistent. Run `dvc repro` to update them."
        )
    return found["row"].to_numpy().astype(np.int64)


def refuse_dimensions(of_queries: int, count: int, documents: Vectors) -> None:
    """Raise Refused if queries and documents have vectors of different lengths."""
    if count and len(documents) and of_queries != documents.dimension:
        raise Refused(
            f"the queries have {of_queries:,}-dimensional vectors and the documents "
            f"{documents.dimension:,}-dimensional ones "
            f"({documents.space.folder}), so their model has changed. For an endpoint, set "
            "`version` (any text) to encode both "
            "again."
        )
