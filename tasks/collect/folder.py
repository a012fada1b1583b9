"""folder: queries, documents and qrels as Parquet, CSV or JSON Lines files in one folder."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks.collect.metadata import of_columns, of_records
from tasks.collect.source import DATED, DOCUMENTS, QRELS, QUERIES, Source, json_lines, text_lines
from tasks.errors import Refused, listed, nearest

CALENDAR = "calendar"  # whose dates are days, months or years
DAY = r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2}([T ].*)?)?)?$"  # ISO 8601; a time of day may follow
OWN = ("doc_id", "title", "text", "parent_id", "date")  # of documents; every other column is metadata
ENDINGS = (".parquet", ".csv", ".jsonl")
TABLES = {
    "documents": (DOCUMENTS | DATED, ("doc_id", "text")),
    "queries": (QUERIES, ("query_id", "text")),
    "qrels": (QRELS, ("query_id", "doc_id")),
}


def folder(path: Path, what: str | None, *, metadata: list[str] | None = None) -> Source:
    """Read documents (doc_id, text; title, parent_id, date), queries (query_id, text; split) and qrels (query_id, doc_id; relevance).

    Columns after the semicolon may be left out: relevance is then 1, and the split follows from a hash of the query. What other
    columns documents have is their metadata.

    Args:
        path: the folder.
        what: the same as a part of `source`, or null.
        metadata: which further columns of documents are kept as metadata; null: all of them.

    Raises:
        Refused: a file is missing, is there twice, cannot be read, or lacks a column.
    """
    place = Path(what) if what else path
    return Source(**{table: read_table(place, table) for table in TABLES}, metadata=metadata_of(file_of(place, "documents"), metadata))


def file_of(place: Path, table: str) -> Path:
    """The one file that has a table."""
    files = [place / f"{table}{ending}" for ending in ENDINGS if (place / f"{table}{ending}").is_file()]
    if len(files) != 1:
        beside = sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []
        raise Refused(
            f"{place} has both {listed(file.name for file in files)}: keep the one that is meant."
            if files
            else f"{place} has no {table} file ({listed(f'{table}{ending}' for ending in ENDINGS)}); "
            f"it has {listed(beside) if beside else 'nothing, or does not exist'}."
        )
    return files[0]


def read_table(place: Path, table: str) -> pl.DataFrame:
    """One of the three tables, each row with its file and number."""
    file = file_of(place, table)
    columns, needed = TABLES[table]
    rows = read_file(file)
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        raise Refused(
            f"{file} lacks the column {listed(missing)}; it has {listed(rows.columns)} ("
            f"{'; '.join(nearest(name, rows.columns) for name in missing)}). Rename it."
        )
    if table == "qrels":
        rows = with_whole_grades(rows, file)
    if table == "documents" and "date" in rows.columns:
        rows = with_days(rows, file)
    filled = rows.with_columns(
        file=pl.lit(str(file)),
        row=pl.int_range(1, pl.len() + 1) + (1 if file.suffix == ".csv" else 0),
        clock=pl.lit(CALENDAR),
        source=pl.lit("folder") if "source" not in rows.columns else pl.col("source"),
    )
    return filled.select(
        (pl.col(name) if name in filled.columns else pl.lit(None)).cast(kind, strict=False).alias(name) for name, kind in columns.items()
    )


def metadata_of(file: Path, wanted: list[str] | None) -> pl.DataFrame:
    """The table `metadata` of a file of documents.

    Raises:
        Refused: one of the columns that are wanted is not there.
    """
    if file.suffix == ".jsonl":  # record by record: a table would want one type for each key
        found = of_records(
            (str(record["doc_id"]), {name: value for name, value in record.items() if name not in OWN})
            for _, record in json_lines(file)
            if record.get("doc_id") is not None
        )
    else:
        rows = read_file(file)
        found = of_columns(rows.select(pl.col("doc_id").cast(pl.String), *(name for name in rows.columns if name not in OWN)))
    if wanted is None:
        return found
    names = found["name"].unique().to_list()
    if absent := [name for name in wanted if name not in names]:
        raise Refused(f"{file} has no further column {listed(absent)} to keep as metadata: {nearest(absent[0], names)}")
    return found.filter(pl.col("name").is_in(wanted))


def read_file(file: Path) -> pl.DataFrame:
    """A Parquet, CSV or JSON Lines file as it stands; ids are read as text, so that '007' stays '007'."""
    try:
        if file.suffix == ".parquet":
            return pl.read_parquet(file)
        if file.suffix == ".csv":
            for _ in text_lines(file):
                pass  # names the line that is not UTF-8
            return pl.read_csv(file, infer_schema=False)
        return pl.DataFrame([plain(record) for _, record in json_lines(file)], infer_schema_length=None, strict=False)
    except pl.exceptions.PolarsError as error:
        raise Refused(f"{file} cannot be read: {error}. Save it again as {file.suffix[1:]}.") from None


def plain(record: dict) -> dict:
    """A record whose further keys hold no lists and objects: these differ from line to line, and only `metadata_of` reads them."""
    return {name: None if isinstance(value, list | dict) and name not in OWN else value for name, value in record.items()}


def with_whole_grades(rows: pl.DataFrame, file: Path) -> pl.DataFrame:
    """`relevance` as a whole number; 1 where the file has no such column."""
    if "relevance" not in rows.columns:
        return rows.with_columns(relevance=pl.lit(1, dtype=pl.Int32))
    whole = rows["relevance"].cast(pl.Float64, strict=False)
    bad = (whole.is_null() | (whole != whole.round())).arg_true()
    if len(bad):
        row = bad[0]
        raise Refused(
            f"{file}, row {row + 1}: the relevance {rows['relevance'][row]!r} should be a whole number "
            "(0: judged not relevant; 1 and more: relevant)."
        )
    return rows.with_columns(relevance=whole.cast(pl.Int32))


def with_days(rows: pl.DataFrame, file: Path) -> pl.DataFrame:
    """`date` as text, year first; an empty one is none."""
    dates = rows["date"].cast(pl.String).str.strip_chars().replace("", None)
    bad = (dates.is_not_null() & ~dates.str.contains(DAY)).arg_true()
    if len(bad):
        row = bad[0]
        raise Refused(
            f"{file}, row {row + 1}: the date {dates[row]!r} should be a year, month or day, year first (2021, 2021-03, 2021-03-04)."
        )
    return rows.with_columns(date=dates)
