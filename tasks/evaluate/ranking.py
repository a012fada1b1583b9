"""The ranking of documents for evaluation: the first hundred of each query, chunks standing for their parents."""

from __future__ import annotations

import polars as pl

from tasks.encode.encoder import Encoder
from tasks.encode.search import as_table, nearest
from tasks.evaluate.measures import DEPTH
from tasks.tables import Documents


def by_encoder(encoder: Encoder, queries: pl.DataFrame, documents: Documents, qrels: pl.DataFrame) -> pl.DataFrame:
    """The best documents of every query in an encoder's space.

    Args:
        encoder: the model under evaluation.
        queries: query_id, text.
        documents: the collection.
        qrels: where they name parents of chunks, parents are ranked, each by its best chunk.

    Returns:
        query_id, doc_id, score: at most 100 of each query, in descending order.
    """
    asked = encoder.queries(queries["text"].to_list())
    vectors, ids = encoder.documents(documents), documents.ids
    unit = units(documents, qrels)
    # One more than wanted, for a document that is the query itself; many more where several chunks make one unit.
    depth = DEPTH + 1 if unit is None else 4 * DEPTH
    while True:
        found = aggregated(as_table(queries["query_id"], ids, *nearest(asked, vectors, depth)), unit)
        if depth >= len(documents) or unit is None:
            return found
        least = found.group_by("query_id").len()["len"].min() or 0
        if least >= DEPTH or least >= unit["unit"].n_unique():
            return found
        depth *= 4


def units(documents: Documents, qrels: pl.DataFrame) -> pl.DataFrame | None:
    """doc_id and the unit that is ranked for it; null where every document stands for itself."""
    parents = documents.parents
    if not parents["parent_id"].is_in(qrels["doc_id"].implode()).any():
        return None
    return (
        documents.ids.to_frame()
        .join(parents, on="doc_id", how="left", maintain_order="left")
        .select("doc_id", unit=pl.coalesce("parent_id", "doc_id"))
    )


def aggregated(found: pl.DataFrame, unit: pl.DataFrame | None) -> pl.DataFrame:
    """Units instead of chunks, each with its highest score; a document whose id is the query's own is left out.

    The last is what BEIR's evaluator does (in some of its collections queries are documents).
    """
    if unit is not None:
        found = found.join(unit, on="doc_id", how="left", maintain_order="left").with_columns(doc_id="unit")
        found = found.unique(["query_id", "doc_id"], keep="first", maintain_order=True)  # the first is the highest
    return (
        found.filter(pl.col("doc_id") != pl.col("query_id"))
        .filter(pl.int_range(pl.len()).over("query_id") < DEPTH)
        .select("query_id", "doc_id", "score")
    )
