"""Exact nearest neighbours, in blocks of documents: the full matrix of scores never exists."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.encoders.store import Vectors
from hone.errors import Refused, listed

QUERIES_PER_BLOCK = 4096


def nearest(queries: Vectors | np.ndarray, documents: Vectors, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """The `depth` documents of highest inner product for each query, in fp32.

    Args:
        queries: n queries, in the store or as an array [n, d] of fp32.
        documents: m documents.
        depth: how many to find; all m where there are fewer.

    Returns:
        Scores [n, depth] in descending order and rows of documents [n, depth].

    Raises:
        Refused: a vector has what is no number, so that some query has fewer neighbours, or queries and documents differ in length.
    """
    import faiss

    refuse_dimensions(queries.shape[1] if isinstance(queries, np.ndarray) else queries.dimension, len(queries), documents)

    depth = min(depth, len(documents))
    scores = np.empty((len(queries), depth), dtype=np.float32)
    rows = np.empty((len(queries), depth), dtype=np.int64)
    if depth == 0:
        return scores, rows
    for start in range(0, len(queries), QUERIES_PER_BLOCK):
        part = slice(start, start + QUERIES_PER_BLOCK)
        asked = queries[part] if isinstance(queries, np.ndarray) else queries.take(part)
        heap = faiss.ResultHeap(len(asked), depth, keep_max=True)
        for first, block in documents.blocks():
            found = faiss.knn(asked, block, min(depth, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
            heap.add_result(found[0], found[1] + first)
        heap.finalize()
        scores[start : start + len(asked)], rows[start : start + len(asked)] = heap.D, heap.I
    if (rows < 0).any():
        raise Refused(
            "vectors in the store have what is no number: the model that made them is broken (`hone store` shows whose they are)."
        )
    return scores, rows


def as_table(query_ids: pl.Series, doc_ids: pl.Series, scores: np.ndarray, rows: np.ndarray) -> pl.DataFrame:
    """A search's result as query_id, doc_id, rank (from 1), score: one row for each query and document."""
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


def pair_scores(queries: Vectors, documents: Vectors, pairs: np.ndarray, rows: int = 65_536) -> np.ndarray:
    """Inner products in fp32 of pairs [n, 2] of a query's and a document's row: array [n]."""
    refuse_dimensions(queries.dimension, len(queries), documents)
    scores = np.empty(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), rows):
        part = pairs[start : start + rows]
        scores[start : start + rows] = np.einsum("nd,nd->n", queries.take(part[:, 0]), documents.take(part[:, 1]), optimize=False)
    return scores


def rows_of(pairs: pl.DataFrame, *ids: pl.Series) -> np.ndarray:
    """Array [n, k]: where the ids of each of the k columns of `pairs` stand in the ids of the same place.

    Raises:
        Refused: an id stands nowhere: no row of another text may take its place.
    """
    return np.column_stack([places_of(pairs[name], known) for name, known in zip(pairs.columns, ids, strict=True)])


def places_of(wanted: pl.Series, known: pl.Series) -> np.ndarray:
    """Array [n]: where the ids `wanted` stand in `known`, each of them once.

    Raises:
        Refused: an id stands nowhere, or more than once.
    """
    places = pl.DataFrame({"id": known}).with_row_index("row")
    found = wanted.to_frame("id").join(places, on="id", how="left", maintain_order="left")
    if len(found) > len(wanted):
        raise Refused(f"ids stand more than once, for example {listed(known.filter(known.is_duplicated()).unique())}. Run `dvc repro`.")
    absent = found.filter(pl.col("row").is_null())["id"]
    if len(absent):
        raise Refused(
            f"{len(absent):,} of {len(wanted):,} ids are not among the texts that were encoded, for example {listed(absent.unique())}: the "
            "tables do not belong together. Run `dvc repro`, which makes what is stale anew."
        )
    return found["row"].to_numpy().astype(np.int64)


def refuse_dimensions(of_queries: int, count: int, documents: Vectors) -> None:
    """Raises Refused where queries and documents have vectors of different lengths."""
    if count and len(documents) and of_queries != documents.dimension:
        raise Refused(
            f"the queries have {of_queries:,}-dimensional vectors and the documents {documents.dimension:,}-dimensional ones "
            f"({documents.space.folder}): the model behind them changed. For an endpoint, set `version` (any text) so that both are "
            "encoded anew."
        )
