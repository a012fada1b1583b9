"""folder: queries, documents and qrels as Parquet, CSV or JSON Lines files in one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from hone.data import user_tables
from hone.data.file_faults import Faults, Faulty
from hone.data.input_values import Odd, as_grades, as_ids, as_texts, grade_of, id_of, text_of
from hone.data.source import DATED, DOCUMENTS, QRELS, QUERIES, Source, json_lines
from hone.errors import Refused, listed, nearest
from tasks.collect.metadata import of_columns, of_records

READS_FILES = True
CALENDAR = "calendar"  # whose dates are days, months or years
DAY = r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2}([T ].*)?)?)?$"  # ISO 8601; a time of day may follow
OWN = (
    "doc_id",
    "title",
    "text",
    "parent_id",
    "date",
)  # columns of documents; all others are metadata
ENDINGS = (".parquet", ".csv", ".jsonl")
TABLES = {
    "documents": (DOCUMENTS | DATED, ("doc_id", "text")),
    "queries": (QUERIES, ("query_id", "text")),
    "qrels": (QRELS, ("query_id", "doc_id")),
}
# Converters of each column: for one value, and for a column.
AS_ID, AS_TEXT, AS_GRADE = (id_of, as_ids), (text_of, as_texts), (grade_of, as_grades)
READ = {
    "doc_id": AS_ID,
    "query_id": AS_ID,
    "parent_id": AS_ID,
    "date": AS_ID,
    "title": AS_TEXT,
    "text": AS_TEXT,
    "split": AS_TEXT,
    "source": AS_TEXT,
    "relevance": AS_GRADE,
}


@dataclass(frozen=True)
class Given:
    """A table as read: Hone's columns with `row`, and, for documents, all other columns as
    `metadata`.
    """

    file: Path
    rows: pl.DataFrame
    metadata: pl.DataFrame | None = None


def folder(
    path: Path,
    what: str | None,
    generated: bool = False,
    *,
    metadata: list[str] | None = None,
) -> Source:
    """Read documents (doc_id, text; title, parent_id, date), queries (query_id, text; split) and
    qrels (query_id, doc_id; relevance).

    Columns after the semicolon are optional. The default relevance is 1, and the default split
    follows from a hash of the query. All other columns of documents are metadata.

    Args:
        path: the folder.
        what: the same, as a part of `source`, or null.
        generated: queries are generated for it, so queries and qrels may be missing.
        metadata: columns of documents to keep as metadata. Null: all. [Hone default]

    Raises:
        Refused: a file is missing, ambiguous or unreadable, or lacks a column. All errors are
            reported at once.
    """
    place, faults = Path(what) if what else path, Faults()
    optional = ("queries", "qrels") if generated else ()
    given = {
        table: Given(place, pl.DataFrame(schema=TABLES[table][0]))
        if table in optional and not has_table(place, table)
        else attempt(faults, table, read_table, place, table, faults)
        for table in TABLES
    }
    documents = given["documents"]
    known = (
        None if documents is None else attempt(faults, "metadata", wanted_of, documents, metadata)
    )
    if None in given.values():
        raise Faulty(faults, None)
    titles = documents.rows["title"].null_count() if "title" in documents.rows.columns else 0
    source = Source(
        **{table: filled(found, TABLES[table][0]) for table, found in given.items()},
        metadata=known,
        counts={"missing_titles": titles},
    )
    if faults:
        raise Faulty(faults, source)
    return source


def attempt(faults: Faults, table: str, read: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `read`. Null if there are errors. `faults` holds the errors and the names of
    incomplete tables.
    """
    before = faults.count
    try:
        found = read(*arguments)
    except Refused as refusal:
        faults.refusal(refusal)
        found = None
    if faults.count > before:
        faults.tables.add(table)
    return found


def has_table(place: Path, table: str) -> bool:
    """Whether a folder has a file of a table."""
    return any((place / f"{table}{ending}").is_file() for ending in ENDINGS)


def file_of(place: Path, table: str) -> Path:
    """The only file of a table."""
    files = [
        place / f"{table}{ending}" for ending in ENDINGS if (place / f"{table}{ending}").is_file()
    ]
    if len(files) != 1:
        beside = sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []
        raise Refused(
            f"{place} contains both {listed(file.name for file in files)}. Delete one of them."
            if files
            else f"{place} has no {table} file "
            f"({listed(f'{table}{ending}' for ending in ENDINGS)}). Found: "
            f"{listed(beside) if beside else 'nothing, or the folder does not exist'}. Add it, or "
            "check `path`."
        )
    return files[0]


def read_table(place: Path, table: str, faults: Faults) -> Given:
    """One of the three tables. Rows with invalid values are skipped and added to `faults`.

    Raises:
        Refused: the file is missing, cannot be read at all, or lacks a column.
    """
    file = file_of(place, table)
    given = (
        from_records(file, table, faults)
        if file.suffix == ".jsonl"
        else from_columns(file, table, faults)
    )
    rows = given.rows
    if table == "qrels" and "relevance" not in rows.columns:
        rows = rows.with_columns(relevance=pl.lit(1, dtype=pl.Int32))
    if table == "documents" and "date" in rows.columns:
        rows = with_days(rows, file, faults)
    return Given(file, rows, given.metadata)


def refuse_lacking(file: Path, names: list[str], table: str) -> None:
    """Raise Refused if a file lacks a required column."""
    missing = [name for name in TABLES[table][1] if name not in names]
    if missing:
        hints = "; ".join(nearest(name, names) for name in missing)
        raise Refused(
            f"{file}: the column {listed(missing)} is missing. Found: {listed(names)} ({hints}). "
            "Rename the column."
        )


def from_records(file: Path, table: str, faults: Faults) -> Given:
    """A table from a JSON Lines file, record by record: values of a key may have several types."""
    kinds = {name: kind for name, kind in TABLES[table][0].items() if name in READ}
    columns: dict[str, list] = {name: [] for name in (*kinds, "row")}
    names: dict[str, None] = {}
    ungraded, further = [], []
    for number, record in json_lines(file, faults):
        names.update(dict.fromkeys(record))
        before, values = faults.count, {}
        for name in kinds:
            try:
                values[name] = READ[name][0](record[name]) if name in record else None
            except Odd as odd:
                faults.line(
                    file, number, f"`{name}` is {odd}", odd.remedy, f"{name} {odd.remedy}", "row"
                )
        if faults.count > before:
            continue
        if "relevance" in kinds and "relevance" not in record:
            ungraded.append(number)
        for name, value in (values | {"row": number}).items():
            columns[name].append(value)
        if table == "documents" and values["doc_id"] is not None:
            further.append(
                (
                    values["doc_id"],
                    {name: value for name, value in record.items() if name not in OWN},
                )
            )
    if names or not faults:
        refuse_lacking(file, list(names), table)
    rows = pl.DataFrame(columns, schema=kinds | {"row": pl.Int64}).select(
        *(name for name in kinds if name in names), "row"
    )
    if "relevance" in rows.columns:
        for number in ungraded:
            faults.line(
                file,
                number,
                "`relevance` is missing",
                "Grade every label, or omit `relevance` from all labels",
                unit="row",
            )
        rows = rows.filter(~pl.col("row").is_in(ungraded))
    return Given(file, rows, of_records(further) if table == "documents" else None)


def from_columns(file: Path, table: str, faults: Faults, numbered: bool = False) -> Given:
    """A table from a Parquet or CSV file. Ids in a CSV file are read as text, so '007' stays
    '007'. If `numbered`, a missing `doc_id` is the row number.
    """
    read = read_file(file)
    first = 2 if file.suffix.lower() == ".csv" else 1  # the header counts as a row
    if numbered and "doc_id" not in read.columns:
        number = pl.int_range(first, first + len(read), eager=True)
        read = read.with_columns(doc_id=number.cast(pl.String))
    refuse_lacking(file, read.columns, table)
    kinds = [name for name in TABLES[table][0] if name in READ and name in read.columns]
    rows, good = (
        pl.DataFrame({"row": pl.int_range(first, first + len(read), eager=True)}),
        pl.repeat(True, len(read), eager=True),
    )
    for name in kinds:
        one, whole = READ[name]
        values, bad = whole(read[name])
        rows, good = rows.with_columns(values.alias(name)), good & ~bad
        for place in bad.arg_true():
            try:
                one(read[name][place])
            except Odd as odd:
                faults.line(
                    file,
                    place + first,
                    f"`{name}` is {odd}",
                    odd.remedy,
                    f"{name} {odd.remedy}",
                    "row",
                )
    further = None
    if table == "documents":
        others = read.select(name for name in read.columns if name not in OWN)
        further = of_columns(
            rows.select("doc_id").hstack(others).filter(good & rows["doc_id"].is_not_null())
        )
    return Given(file, rows.filter(good), further)


def filled(given: Given, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """One of the three tables, each row with its file and number. Missing columns become null."""
    rows = given.rows.with_columns(file=pl.lit(str(given.file)), clock=pl.lit(CALENDAR))
    if "source" not in rows.columns:
        rows = rows.with_columns(source=pl.lit("folder"))
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in columns.items()
    )


def wanted_of(documents: Given, wanted: list[str] | None) -> pl.DataFrame:
    """The metadata of documents, or the requested columns.

    Raises:
        Refused: one of these is missing.
    """
    found = documents.metadata
    if wanted is None:
        return found
    names = found["name"].unique().to_list()
    if absent := [name for name in wanted if name not in names]:
        raise Refused(
            f"{documents.file} has no metadata column {listed(absent)}; {nearest(absent[0], names)}"
        )
    return found.filter(pl.col("name").is_in(wanted))


def read_file(file: Path) -> pl.DataFrame:
    """A Parquet or CSV file, unconverted. Every CSV column is text.

    Raises:
        Refused: it cannot be read.
    """
    if file.suffix.lower() == ".csv":
        return user_tables.read_csv(file)
    try:
        return pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refused(
            f"{file} cannot be read: {user_tables.reason(error)}. Save it again as parquet."
        ) from None


def with_days(rows: pl.DataFrame, file: Path, faults: Faults) -> pl.DataFrame:
    """`date` as text, year first. An empty date becomes null. Rows with invalid dates are
    removed.
    """
    dates = rows["date"].str.strip_chars().replace("", None)
    bad = (dates.is_not_null() & ~dates.str.contains(DAY)).fill_null(False)
    for place in bad.arg_true():
        what = (
            f"the date {dates[place]!r} is not a year, month or day, year first (2021, "
            "2021-03, 2021-03-04)"
        )
        faults.line(file, rows["row"][place], what, "Correct it, or leave it empty", unit="row")
    return rows.with_columns(date=dates).filter(~bad)
