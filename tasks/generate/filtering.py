"""Apply a recipe's filters in order; every removed query keeps its reason."""

from __future__ import annotations

import polars as pl

from hone.config import methods
from hone.generation.rows import Generated, removed_rows
from tasks.generate.context import GenerationContext

PLACE = "generate.filters"


def filtered(rows: Generated, lines: list[dict], collection: GenerationContext) -> Generated:
    """The rows that pass all filters.

    Args:
        rows: of all methods.
        lines: method and parameters of each filter, in order.
        collection: documents, models and judges.
    """
    for line in lines:
        if rows.queries.is_empty():
            break
        method = methods.find(PLACE, line["method"])
        given = with_documents(rows, collection)
        if method.beside("NEEDS_POSITIVE"):  # a negative query must not find its document
            positives = rows.labels.filter(pl.col("relevance") > 0)
            given = given.join(positives, on="query_id", how="semi", maintain_order="left")
        found = method(line["parameters"], queries=given, collection=collection)
        if len(found):
            ids = found.join(
                rows.queries.select("query_id", "doc_id"),
                on="query_id",
                how="inner",
                maintain_order="left",
            )
            rows = rows.without(removed_rows(ids, line["method"], pl.col("detail")))
    return rows


def with_documents(rows: Generated, collection: GenerationContext) -> pl.DataFrame:
    """The queries with the text of the document from which they were written: query_id, text,
    doc_id, method, document.
    """
    texts = collection.texts(rows.queries["doc_id"].unique(maintain_order=True))
    return rows.queries.join(
        texts.rename({"text": "document"}), on="doc_id", how="left", maintain_order="left"
    ).select("query_id", "text", "doc_id", "method", pl.col("document").fill_null(""))
