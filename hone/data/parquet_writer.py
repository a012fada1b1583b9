"""Writes a table block by block and atomically, so it need not fit in memory."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import polars as pl

from hone.data import tables
from hone.files import written_whole


class Spool:
    """Writer of one table: `with Spool("judgments", path) as spool: spool.add(frame)`. If the
    block fails, no file is written.
    """

    def __init__(self, table: str, path: Path) -> None:
        self.table, self.path = table, path
        self.stack = ExitStack()

    def __enter__(self) -> Spool:
        import pyarrow.parquet

        part = self.stack.enter_context(written_whole(self.path))
        schema = tables.empty(self.table).to_arrow().schema
        self.writer = self.stack.enter_context(
            pyarrow.parquet.ParquetWriter(part, schema, compression="zstd")
        )
        return self

    def add(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        self.writer.write_table(
            tables.shaped(self.table, frame).to_arrow().cast(self.writer.schema)
        )

    def __exit__(self, *failure: object) -> bool | None:
        return self.stack.__exit__(*failure)
