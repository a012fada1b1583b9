"""The query of a search: a text, or the id of a query of the collection, with its labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.data.source import SPLITS
from hone.data.tables import normalised
from hone.errors import Refused
from hone.layout import collection_table, generated_table

UNLABELLED = "unlabelled"  # the table of training queries without a label


@dataclass(frozen=True)
class Label:
    """A labelled pair: its relevance grade, and whether it is a held-out positive."""

    grade: int
    held_out: bool = False


@dataclass(frozen=True)
class Query:
    """A query with its labels.

    Attributes:
        text: what is searched.
        query_id: its id in the collection. Null: the collection does not have this query.
        labels: by document id, or by the id of the parent of chunks.
    """

    text: str
    query_id: str | None = None
    labels: dict[str, Label] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownQueries:
    """The queries of a collection.

    Attributes:
        queries: query_id, text, split.
        labels: query_id, doc_id, relevance, held_out.
    """

    queries: pl.DataFrame
    labels: pl.DataFrame

    @classmethod
    def read(cls, collection: str) -> KnownQueries:
        """All queries and labels of a collection, of every split, with held-out positives and
        generated queries.
        """
        queries, labels = [], []
        for split in SPLITS:
            for file in (
                *(collection_table(collection, name, split) for name in ("queries", UNLABELLED)),
                *generated_files(collection, "queries", split),
            ):
                if file.exists():
                    rows = tables.read("queries", file).select("query_id", "text")
                    queries.append(rows.with_columns(split=pl.lit(split)))
            files = [
                collection_table(collection, "qrels", split),
                *generated_files(collection, "qrels", split),
            ]
            labels += [
                as_labels(tables.read("qrels", file), held_out=False)
                for file in files
                if file.exists()
            ]
        file = collection_table(collection, "hidden")
        if file.exists():
            labels.append(as_labels(tables.read("hidden", file), held_out=True))
        return cls(pl.concat(queries), pl.concat(labels))

    def find(self, given: str) -> Query:
        """The query with this id, or this text in any case and spacing. Other texts have no labels.

        Queries with the same text share their labels. The highest grade counts.

        Raises:
            Refused: the query is empty.
        """
        if not given.strip():
            raise Refused("The query is empty. Write its text or its id.")
        own = self.queries.filter(pl.col("query_id") == given.strip())
        text = own["text"][0] if len(own) else given.strip()
        same = self.queries.filter(
            normalised(pl.col("text")) == pl.select(normalised(pl.lit(text))).item()
        )
        alike = pl.concat([own, same]).unique("query_id", maintain_order=True)
        if alike.is_empty():
            return Query(text)
        rows = self.labels.filter(pl.col("query_id").is_in(alike["query_id"].implode()))
        rows = rows.sort("relevance", "held_out", descending=[True, False]).unique(
            "doc_id", keep="first", maintain_order=True
        )
        found = {
            doc: Label(grade, held_out)
            for doc, grade, held_out in rows.select("doc_id", "relevance", "held_out").iter_rows()
        }
        return Query(text, alike["query_id"][0], found)

    def examples(self, most: int) -> list[str]:
        """The texts of a few labelled queries: test, then dev, then training queries."""
        labelled = self.queries.join(self.labels, on="query_id", how="semi", maintain_order="left")
        parts = [labelled.filter(pl.col("split") == split) for split in reversed(SPLITS)]
        return pl.concat(parts)["text"].unique(maintain_order=True).head(most).to_list()


def generated_files(collection: str, table: str, split: str) -> list[Path]:
    """The table of generated queries or labels of a split. Test queries are never generated."""
    if split == "test":
        return []
    return [generated_table(collection, table, None if split == "train" else split)]


def as_labels(rows: pl.DataFrame, held_out: bool) -> pl.DataFrame:
    """query_id, doc_id, relevance, held_out of a table of labels."""
    return rows.select("query_id", "doc_id", "relevance", held_out=pl.lit(held_out))
