"""What is known of a collection's documents beside their texts, read by name (the table `metadata`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.errors import Refused, nearest


@dataclass(frozen=True)
class Metadata:
    """The metadata of one collection, on disk. `prefix` is put before every doc_id where several collections are joined."""

    path: Path
    collection: str = ""
    prefix: str = ""

    @property
    def names(self) -> list[str]:
        """The columns that the collection has."""
        return tables.scan("metadata", self.path).select(pl.col("name").unique(maintain_order=True)).collect()["name"].to_list()

    def need(self, column: str, who: str) -> None:
        """Raises Refused where no document has such a column; says which there are.

        Args:
            column: its name.
            who: what wants it, for the message.
        """
        names = self.names
        if column in names:
            return
        there = f"its documents have {', '.join(names)}: {nearest(column, names)}" if names else "its documents have no metadata"
        raise Refused(
            f"{who} wants the metadata column '{column}', which the collection {self.collection} lacks; {there}. Give its documents "
            "one (docs/collections.md, Metadata), or name another column in the recipe."
        )

    def of(self, column: str) -> pl.DataFrame:
        """doc_id and value of every document that has one; several rows where it has several."""
        rows = tables.scan("metadata", self.path).filter(pl.col("name") == column).select("doc_id", "value").collect()
        return rows.with_columns(tables.prefixed(self.prefix, "doc_id")) if self.prefix else rows
