"""The rows that a generation method makes: queries, labels, documents, and what was removed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from hone.data import tables

PREFIX = "gen-"  # of the ids of generated queries and documents
SOURCE = "generated"  # in the column `source` of labels
DIGITS = 16  # of an id's hash
QUERIES = {
    "query_id": pl.String,
    "text": pl.String,
    "origin": pl.String,
    "doc_id": pl.String,  # the document from which it was written
    "method": pl.String,
}
LABELS = {"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32}
DOCUMENTS = {
    "doc_id": pl.String,
    "title": pl.String,
    "text": pl.String,
    "origin": pl.String,
}
REMOVED = tables.SCHEMAS["removed"]


def empty_queries() -> pl.DataFrame:
    return pl.DataFrame(schema=QUERIES)


def empty_labels() -> pl.DataFrame:
    return pl.DataFrame(schema=LABELS)


def empty_documents() -> pl.DataFrame:
    return pl.DataFrame(schema=DOCUMENTS)


def empty_removed() -> pl.DataFrame:
    return pl.DataFrame(schema=REMOVED)


@dataclass(frozen=True)
class Generated:
    """Rows of one method, or of several together.

    Attributes:
        queries: query_id, text, origin, doc_id (the document from which it was written), method.
        labels: query_id, doc_id, relevance: 1 for a positive, 0 for a negative. query_id names a
            generated query or a training query of the collection, doc_id a document of the
            collection or a generated one.
        documents: doc_id, title, text, origin of the generated documents.
        removed: query_id, doc_id, rule, detail: what a method or filter removed.
    """

    queries: pl.DataFrame = field(default_factory=empty_queries)
    labels: pl.DataFrame = field(default_factory=empty_labels)
    documents: pl.DataFrame = field(default_factory=empty_documents)
    removed: pl.DataFrame = field(default_factory=empty_removed)

    def without(self, removed: pl.DataFrame) -> Generated:
        """These rows without some queries, their labels, and documents that no label names any
        more.

        Args:
            removed: query_id, doc_id, rule, detail of the queries to remove.
        """
        gone = removed.select("query_id").unique()
        queries = self.queries.join(gone, on="query_id", how="anti", maintain_order="left")
        labels = self.labels.join(gone, on="query_id", how="anti", maintain_order="left")
        return Generated(
            queries,
            labels,
            self.documents.join(labels, on="doc_id", how="semi", maintain_order="left"),
            pl.concat([self.removed, removed.select(list(REMOVED))]),
        )


def join_generated(parts: Iterable[Generated]) -> Generated:
    """Rows of several methods. A query that two methods wrote for one document appears once, with
    the labels of both.
    """
    found = list(parts)
    queries = pl.concat([empty_queries(), *(one.queries for one in found)])
    documents = pl.concat([empty_documents(), *(one.documents for one in found)])
    labels = pl.concat([empty_labels(), *(one.labels for one in found)])
    return Generated(
        queries.unique("query_id", keep="first", maintain_order=True),
        labels.unique(["query_id", "doc_id"], keep="first", maintain_order=True),
        documents.unique("doc_id", keep="first", maintain_order=True),
        pl.concat([empty_removed(), *(one.removed for one in found)]),
    )


def id_of(*parts: str) -> str:
    """The id of a generated text: a hash of the texts that determine it."""
    total = hashlib.blake2b(digest_size=DIGITS // 2)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        total.update(len(raw).to_bytes(8, "little") + raw)
    return PREFIX + total.hexdigest()


def make_queries(written: pl.DataFrame, method: str, origin: str) -> pl.DataFrame:
    """Queries with their ids. Equal texts for one document have one id.

    Args:
        written: doc_id, text.
        method: its name in the recipe.
        origin: method, prompt version and model.
    """
    ids = [id_of("query", doc_id, text) for doc_id, text in written.select("doc_id", "text").rows()]
    return (
        written.with_columns(
            query_id=pl.Series(ids, dtype=pl.String),
            origin=pl.lit(origin),
            method=pl.lit(method),
        )
        .select(pl.col(name).cast(kind) for name, kind in QUERIES.items())
        .unique("query_id", keep="first", maintain_order=True)
    )


def make_documents(texts: pl.DataFrame, origin: str) -> pl.DataFrame:
    """Generated documents with their ids, without a title. Equal texts have one id, so the rows
    match those of `texts`.

    Args:
        texts: text.
        origin: method, prompt version and model.

    Returns:
        doc_id, title, text, origin: one row for each row of `texts`.
    """
    ids = [id_of("document", text) for text in texts["text"]]
    return texts.select(
        doc_id=pl.Series(ids, dtype=pl.String),
        title=pl.lit(None, dtype=pl.String),
        text="text",
        origin=pl.lit(origin),
    )


def label_with(queries: pl.DataFrame, documents: pl.Series, relevance: int) -> pl.DataFrame:
    """A label for each query with the document of the same row."""
    return queries.select("query_id", doc_id=documents, relevance=pl.lit(relevance, dtype=pl.Int32))


def removed_rows(ids: pl.DataFrame, rule: str, detail: pl.Expr | str | None = None) -> pl.DataFrame:
    """Rows of the table `removed`.

    Args:
        ids: query_id, doc_id; a missing column is null.
        rule: the rule that removed them.
        detail: the reason, or the expression that makes it.
    """
    reason = detail if isinstance(detail, pl.Expr) else pl.lit(detail, dtype=pl.String)
    present = [
        pl.col(name) if name in ids.columns else pl.lit(None, dtype=pl.String).alias(name)
        for name in ("query_id", "doc_id")
    ]
    return ids.select(*present, rule=pl.lit(rule), detail=reason.cast(pl.String))
