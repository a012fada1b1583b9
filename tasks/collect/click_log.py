"""The files of a click log, and their rows in common columns.

Parquet and CSV files are scanned. JSON Lines are read line by line, so errors have their line, and
written as Parquet to a temporary folder. A log therefore need not fit in memory.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from hone.data import user_tables
from hone.data.file_faults import Faults
from hone.data.source import text_lines
from hone.errors import Refused, listed, nearest
from tasks.collect.click_columns import as_clicked, as_position, as_seconds, as_text, as_time
from tasks.collect.click_lines import LINES, is_lines, plain_text, records_of, spill

TABLES = (".parquet", ".csv")
ENDINGS = (*TABLES, *LINES)
NAMES = ("clicks*", "clicks/*", "ubi_*")  # patterns of a log's files
REQUIRED = ("doc_id", "clicked")
COLUMNS = ("query", "query_id", "doc_id", "position", "clicked", "session", "dwell", "time")
EVENT, SEARCH = "action_name", "user_query"  # columns that only UBI's indexes have
HITS = ("query_response_hit_ids", "query_response_objects_ids")
LARGEST_FIELD = 2**31 - 1  # characters of a CSV field
SAMPLED = 1_000  # records that tell the columns of JSON Lines
READS = {
    "query": as_text,
    "query_id": as_text,
    "doc_id": as_text,
    "position": as_position,
    "clicked": as_clicked,
    "session": as_text,
    "dwell": as_seconds,
    "time": as_time,
}
ROWS = {
    "query": pl.String,
    "query_id": pl.String,
    "doc_id": pl.String,
    "position": pl.Int32,
    "clicked": pl.Int8,
    "session": pl.String,
    "dwell": pl.Float64,
    "time": pl.Int64,
    "lone": pl.Boolean,
}


@dataclass(frozen=True)
class LogFiles:
    """The files of a log: `rows` with one impression per row, or `events` and `searches` of UBI.

    A JSON Lines file of UBI may hold both, and is in `events`.
    """

    rows: tuple[Path, ...] = ()
    events: tuple[Path, ...] = ()
    searches: tuple[Path, ...] = ()

    @property
    def all(self) -> tuple[Path, ...]:
        return (*self.rows, *self.events, *self.searches)


def find_log(folder: Path, pattern: str | None) -> LogFiles:
    """The files of the log in a folder.

    Args:
        folder: the folder of the collection.
        pattern: the name of the log's files, such as `log/*.parquet`. Null: NAMES.

    Raises:
        Refused: there are none, or files of both kinds.
    """
    if pattern is not None and (Path(pattern).is_absolute() or ".." in Path(pattern).parts):
        raise Refused(
            f"`log` is '{pattern}', which leads out of {folder}. DVC tracks only `path`, so use a "
            "name inside it."
        )
    patterns = NAMES if pattern is None else (pattern,)
    found = {
        file
        for one in patterns
        for file in folder.glob(one)
        if file.is_file() and file.suffix.lower() in ENDINGS
    }
    files = LogFiles()
    if found:
        kinds = {file: kind_of(columns_of(file)) for file in sorted(found)}
        files = LogFiles(
            **{
                kind: tuple(file for file, own in kinds.items() if own == kind)
                for kind in ("rows", "events", "searches")
            }
        )
    if not files.all:
        beside = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        names = listed(patterns) + f" ({', '.join(ENDINGS)})"
        raise Refused(
            f"{folder} has no click log: no file matches {names}. Found: "
            f"{listed(beside) if beside else 'nothing, or the folder does not exist'}. Add it, or "
            "set `options: {log: NAME}`."
        )
    if files.rows and (files.events or files.searches):
        raise Refused(
            f"{folder} has a click log ({listed(file.name for file in files.rows)}) and events of "
            f"UBI ({listed(file.name for file in files.all if file not in files.rows)}). Set "
            "`options: {log: NAME}` to one of them."
        )
    if files.searches and not files.events:
        raise Refused(
            f"{listed(map(str, files.searches))} has searches, but there are no events. Export the "
            "index ubi_events too, as ubi_events.jsonl beside it."
        )
    return files


def kind_of(columns: list[str]) -> str:
    """What a file with these columns holds: `rows`, `events` or `searches`."""
    if EVENT in columns:
        return "events"
    return "searches" if {SEARCH, *HITS} & set(columns) else "rows"


def columns_of(file: Path) -> list[str]:
    """The columns of a log's file. For JSON Lines, those of the first records."""
    if is_lines(file):
        first = islice(records_of(file, Faults()), SAMPLED)
        return list(dict.fromkeys(name for record in first for name in record))
    return user_tables.columns(file)


def count_rows(file: Path) -> int:
    """The number of rows or lines of a log's file.

    Raises:
        Refused: it cannot be read.
    """
    if is_lines(file):
        with file.open("rb") as opened:
            return sum(1 for line in opened if line.strip())
    return collected(scan_table(file, Faults()).select(pl.len()), [file]).item()


def scan_rows(files: Iterable[Path], scratch: Path, faults: Faults) -> pl.LazyFrame:
    """The rows of a log with one impression per row, with the columns of ROWS. Absent columns are
    null. A click without a position is `lone`: its impression is missing.

    Args:
        files: the files.
        scratch: a folder for temporary files.
        faults: collects lines that cannot be read.

    Raises:
        Refused: a file lacks a column.
    """
    parts = []
    for number, file in enumerate(files):
        if is_lines(file):
            written = spill(records_of(file, faults), row_of, COLUMNS, scratch / f"rows-{number}")
            frame, names = written.scan(), written.names
        else:
            frame = scan_table(file, faults)
            names = set(frame.collect_schema().names())
        if names or not faults:
            refuse_lacking(file, names)
        parts.append(common_columns(frame))
    return pl.concat(parts)


def row_of(record: dict[str, Any]) -> dict[str, str | None]:
    """A record of a log with one impression per row, as texts."""
    return {name: plain_text(record.get(name)) for name in COLUMNS}


def scan_table(file: Path, faults: Faults) -> pl.LazyFrame:
    """A Parquet or CSV file, unconverted. Every CSV column is text.

    Raises:
        Refused: it cannot be read, or is not UTF-8.
    """
    if file.suffix.lower() == ".csv":
        find_misshapen(file, faults)
        return pl.scan_csv(file, infer_schema=False)
    frame = pl.scan_parquet(file)
    try:
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refused(
            f"{file} cannot be read: {user_tables.reason(error)}. Save it again as parquet."
        ) from None
    return frame


def find_misshapen(file: Path, faults: Faults) -> None:
    """Add the rows of a CSV file with more fields than its header, and the lines in another
    encoding. A scan that needs only some columns does not notice them.
    """
    limit = csv.field_size_limit(LARGEST_FIELD)
    try:
        rows = csv.reader(line for _, line in text_lines(file, faults))
        width = len(next(rows, []))
        for number, row in enumerate(rows, start=2):
            if len(row) > width:
                what = f"{len(row)} fields, but the header has {width}"
                remedy = "Put fields with commas or line breaks in quotes"
                faults.line(file, number, what, remedy, unit="row")
    finally:
        csv.field_size_limit(limit)


def refuse_lacking(file: Path, names: set[str]) -> None:
    """Raise Refused if a file of a log lacks a column."""
    missing = [name for name in REQUIRED if name not in names]
    if not names & {"query", "query_id"}:
        missing.append("query")
    if missing:
        hints = "; ".join(nearest(name, names) for name in missing)
        raise Refused(
            f"{file}: the column {listed(missing)} is missing. Found: {listed(sorted(names))} "
            f"({hints}). A log has one row for each impression, with query (or query_id), doc_id, "
            "position and clicked. Rename the column."
        )


def common_columns(frame: pl.LazyFrame) -> pl.LazyFrame:
    """A file of a log with the columns of ROWS."""
    kinds = frame.collect_schema()
    rows = frame.select(
        (READS[name](pl.col(name), kinds[name]) if name in kinds else pl.lit(None))
        .cast(ROWS[name])
        .alias(name)
        for name in COLUMNS
    )
    return rows.with_columns(
        lone=pl.col("position").is_null() & (pl.col("clicked") == 1).fill_null(False)
    )


def collected(frame: pl.LazyFrame, files: Iterable[Path]) -> pl.DataFrame:
    """The result of a query over a log's files, without holding the log in memory.

    Raises:
        Refused: a file is damaged.
    """
    try:
        return frame.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refused(
            f"{listed(map(str, files))} cannot be read: {user_tables.reason(error)}. Export the "
            "log again."
        ) from None
