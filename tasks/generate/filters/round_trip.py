"""round-trip: queries that do not find their own document (consistency filtering; Alberti et al.
2019, arXiv 1906.05416; Promptagator, arXiv 2209.11755).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from hone.encoders.search import nearest
from tasks.generate.context import GenerationContext

By = Literal["bm25", "dense", "both", "either"]
QUERIES_PER_BLOCK = 4096
NEEDS_POSITIVE = True


def needs_encoder(parameters: dict[str, Any]) -> bool:
    """Whether the filter searches with the base model."""
    return parameters["by"] != "bm25"


def round_trip(
    queries: pl.DataFrame,
    collection: GenerationContext,
    *,
    by: By = "either",
    rank: Annotated[int, Field(ge=1)] = 10,
) -> pl.DataFrame:
    """Remove queries whose document is not among the first of a search in the whole collection.

    Args:
        queries: query_id, text, doc_id, document.
        collection: its documents, BM25 index and base model.
        by: the search: `bm25`, `dense` (the base model), `both` of them, or `either` one. [Hone
            default]
        rank: the last rank at which the document must come back. Promptagator requires the first,
            with a retriever that was trained on the generated queries. [Hone default]

    Returns:
        query_id, detail of the removed queries.
    """
    if queries.is_empty():
        return pl.DataFrame(schema={"query_id": pl.String, "detail": pl.String})
    found = {}
    if by != "dense":
        found["BM25"] = is_found_by_bm25(queries, collection, rank)
    if by != "bm25":
        found["the base model"] = is_found_by_encoder(queries, collection, rank)
    flags = np.stack(list(found.values()))
    passed = flags.any(axis=0) if by == "either" else flags.all(axis=0)
    names = " and ".join(found) if by != "either" else " nor ".join(found)
    not_by = f"neither {names} finds" if by == "either" else f"not both of {names} find"
    sentence = not_by if len(found) > 1 else f"{names} does not find"
    return queries.filter(pl.Series(~passed)).select(
        "query_id", detail=pl.lit(f"{sentence} its document in the first {rank}")
    )


def is_found_by_bm25(queries: pl.DataFrame, collection: GenerationContext, rank: int) -> np.ndarray:
    """Whether BM25 ranks each query's document within `rank`: [n]. A document without a matching
    term is not found.
    """
    index = collection.bm25
    if index.found is None:
        return np.zeros(len(queries), dtype=bool)
    flags = []
    for start in range(0, len(queries), QUERIES_PER_BLOCK):
        part = queries[start : start + QUERIES_PER_BLOCK]
        rows, scores = index.best(index.words.of(part["text"]), rank)
        wanted = row_of(part["doc_id"], collection.doc_ids)
        flags.append(((rows == wanted[:, None]) & (scores > 0)).any(axis=1))
    return np.concatenate(flags)


def is_found_by_encoder(
    queries: pl.DataFrame, collection: GenerationContext, rank: int
) -> np.ndarray:
    """Whether the base model ranks each query's document within `rank`: [n]."""
    vectors = collection.encoder.queries(queries["text"].to_list())
    _, rows = nearest(vectors, collection.encoder.documents(collection.documents), rank)
    return (rows == row_of(queries["doc_id"], collection.doc_ids)[:, None]).any(axis=1)


def row_of(wanted: pl.Series, ids: pl.Series) -> np.ndarray:
    """The row of each wanted id in the collection: [n]. -1: not in the collection."""
    places = pl.DataFrame({"id": ids}).with_row_index("row")
    found = wanted.to_frame("id").join(places, on="id", how="left", maintain_order="left")
    return found["row"].cast(pl.Int64).fill_null(-1).to_numpy()
