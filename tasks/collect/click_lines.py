"""JSON Lines of a click log, read record by record and written as Parquet, so they need not fit in
memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from hone.data.file_faults import Faults
from hone.data.input_values import EXACT
from hone.data.source import json_lines

LINES = (".jsonl", ".ndjson")
BULK = ("index", "create")  # the action lines of OpenSearch's bulk format
RECORDS = 100_000  # records in memory at once


@dataclass(frozen=True)
class Spilled:
    """Records on disk.

    Attributes:
        folder: the Parquet files.
        columns: their columns, with types.
        names: every field that a record had.
    """

    folder: Path
    columns: dict[str, Any]
    names: set[str]

    def scan(self) -> pl.LazyFrame:
        """The records. An empty table if there are none."""
        files = sorted(self.folder.glob("*.parquet"))
        return pl.scan_parquet(files) if files else pl.LazyFrame(schema=self.columns)


def is_lines(file: Path) -> bool:
    """Whether a file is JSON Lines."""
    return file.suffix.lower() in LINES


def records_of(file: Path, faults: Faults) -> Iterator[dict[str, Any]]:
    """The records of a file: the object of a line, or its `_source` in an export of OpenSearch.
    Action lines of the bulk format are skipped.
    """
    for _, record in json_lines(file, faults):
        if len(record) == 1 and any(isinstance(record.get(name), dict) for name in BULK):
            continue
        source = record.get("_source")
        yield source if isinstance(source, dict) else record


def spill(
    records: Iterable[dict[str, Any]],
    row_of: Callable[[dict[str, Any]], dict[str, Any]],
    columns: dict[str, Any] | tuple[str, ...],
    folder: Path,
) -> Spilled:
    """Write records to a folder, RECORDS at a time.

    Args:
        records: the records.
        row_of: makes the row of a record.
        columns: the columns of a row with their types, or names of columns of texts.
        folder: the folder to create.
    """
    kinds = dict(columns) if isinstance(columns, dict) else dict.fromkeys(columns, pl.String)
    folder.mkdir(parents=True)
    names: set[str] = set()
    rows: list[dict[str, Any]] = []
    part = 0
    for record in records:
        names.update(record)
        rows.append(row_of(record))
        if len(rows) == RECORDS:
            pl.DataFrame(rows, schema=kinds).write_parquet(folder / f"{part:06}.parquet")
            rows, part = [], part + 1
    if rows:
        pl.DataFrame(rows, schema=kinds).write_parquet(folder / f"{part:06}.parquet")
    return Spilled(folder, kinds, names)


def plain_text(value: Any) -> str | None:
    """A value as text. Null if it is missing, a list or an object. 7.0 becomes "7"."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else str(value)
    return str(value) if isinstance(value, int) else None
