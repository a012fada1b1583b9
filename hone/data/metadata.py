"""Metadata of a collection's documents, read by column name (table `metadata`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.errors import Refused, nearest


@dataclass(frozen=True)
class Metadata:
    """The metadata of one collection, on disk. `prefix` precedes every doc_id if several
    collections are joined.
    """

    path: Path
    collection: str = ""
    prefix: str = ""

    @property
    def names(self) -> list[str]:
        """The column names of the collection."""
        return (
            tables.scan("metadata", self.path)
            .select(pl.col("name").unique(maintain_order=True))
            .collect()["name"]
            .to_list()
        )

    def need(self, column: str, who: str) -> None:
        """Raise Refused if no document has such a column. The message lists the columns that exist.

        Args:
            column: its name.
            who: the method that needs it, for the message.
        """
        names = self.names
        if column in names:
            return
        hint = (
            f"its documents have {', '.join(names)}; {nearest(column, names)}"
            if names
            else "its documents have no metadata"
        )
        raise Refused(
            f"{who} needs the metadata column '{column}', but the collection {self.collection} "
            f"lacks it ({hint}). Add it to the documents (docs/how-to/collections.md, Metadata), "
            "or name another column in the recipe."
        )

    def of(self, column: str) -> pl.DataFrame:
        """doc_id and value of every document with a value. Multiple values are multiple rows."""
        rows = (
            tables.scan("metadata", self.path)
            .filter(pl.col("name") == column)
            .select("doc_id", "value")
            .collect()
        )
        return rows.with_columns(tables.prefixed(self.prefix, "doc_id")) if self.prefix else rows
