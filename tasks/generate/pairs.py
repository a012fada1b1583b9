"""Labelled training queries with their documents, as the material of a method."""

from __future__ import annotations

import polars as pl

from hone.data.chunks import of_chunks
from hone.errors import Refused
from tasks.generate.context import GenerationContext


def labelled_pairs(
    documents: pl.DataFrame, collection: GenerationContext, method: str
) -> pl.DataFrame:
    """query_id, query, doc_id, document: each training query with its first positive among the
    chosen documents.

    Args:
        documents: doc_id, text of the chosen documents.
        collection: with the training queries.
        method: its name, for messages.

    Raises:
        Refused: no chosen document is a positive of a training query.
    """
    pairs = of_chunks(collection.training_pairs, collection.documents.parents)
    found = (
        pairs.rename({"text": "query"})
        .join(
            documents.rename({"text": "document"}), on="doc_id", how="inner", maintain_order="left"
        )
        .unique("query_id", keep="first", maintain_order=True)
        .select("query_id", "query", "doc_id", "document")
    )
    if found.is_empty():
        raise Refused(
            f"{method}: no chosen document of {collection.name} is a positive of a training query. "
            "Set `documents: {random: {count: N, among: labelled}}`, or add labelled training "
            "queries."
        )
    return found


def query_pairs(queries: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """query_id, query, doc_id, document: written queries with the documents that they come from.

    Args:
        queries: query_id, text, doc_id.
        documents: doc_id, text.
    """
    return (
        queries.select("query_id", "doc_id", query="text")
        .join(
            documents.rename({"text": "document"}), on="doc_id", how="inner", maintain_order="left"
        )
        .select("query_id", "query", "doc_id", "document")
    )
