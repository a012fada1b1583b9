"""The files of a data folder: what each one is, its rows and columns, and why one is unusable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from hone.data import user_tables
from hone.data.file_faults import Faults
from hone.data.input_values import Odd
from hone.data.source import DATED, DOCUMENTS, PLACE, QRELS, QUERIES, SPLITS, json_lines
from hone.errors import Refused, listed
from tasks.collect import click_log
from tasks.collect.beir import OWN as BEIR_COLUMNS
from tasks.collect.beir import grades
from tasks.collect.click_events import ACTION, OBJECT, ORDINAL, SEARCH_ID, SESSIONS, TEXT, TIME
from tasks.collect.folder import ENDINGS, TABLES
from tasks.collect.triplets import LAYOUTS, NEGATIVE_NAMES, POSITIVE_NAMES, QUERY_NAMES, parted

Kind = Literal[
    "documents",
    "queries",
    "labels",
    "training examples",
    "click log",
    "UBI events",
    "UBI searches",
    "texts",
    "other",
]

TEXTS = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf")  # for `source: files`
BEIR: dict[str, Kind] = {"corpus.jsonl": "documents", "queries.jsonl": "queries"}
FOLDER: dict[str, Kind] = {"documents": "documents", "queries": "queries", "qrels": "labels"}
HONE_COLUMNS = {
    "documents": tuple(name for name in DOCUMENTS | DATED if name not in (*PLACE, "clock")),
    "queries": tuple(name for name in QUERIES if name not in PLACE),
    "qrels": tuple(name for name in QRELS if name not in (*PLACE, "split", "source")),
}
# Frequent names of each column in other tools. They are suggested, never used silently.
ALIASES = {
    "doc_id": ("doc_id", "docid", "document_id", "corpus_id", "corpus-id", "passage_id", "pid"),
    "query_id": ("query_id", "queryid", "query-id", "question_id", "qid"),
    "relevance": ("relevance", "score", "grade", "label", "rating", "rel"),
    "text": ("text", "body", "content", "contents", "passage", "document", "query", "question"),
}
LOGS: dict[str, Kind] = {
    "rows": "click log",
    "events": "UBI events",
    "searches": "UBI searches",
}
UBI_COLUMNS = tuple(
    dict.fromkeys(path[0] for path in (SEARCH_ID, ACTION, TEXT, TIME, OBJECT, ORDINAL, *SESSIONS))
)
QUERY_WORDS = ("query", "queries", "question", "questions")
LABEL_WORDS = ("qrel", "label", "judg", "relevance")
HOW_TO_CONVERT = {
    ".docx": "Save it as .pdf, .html or .txt",
    ".doc": "Save it as .pdf, .html or .txt",
    ".pptx": "Save it as .pdf",
    ".xlsx": "Save each sheet as CSV UTF-8",
    ".xls": "Save each sheet as CSV UTF-8",
    ".json": "Write one JSON object per line, and name the file .jsonl",
    ".tsv": "Save it as CSV with commas",
    ".arrow": "Save it as .parquet",
    ".feather": "Save it as .parquet",
    ".zip": "Unpack it",
    ".gz": "Unpack it",
    ".tar": "Unpack it",
    ".7z": "Unpack it",
}


@dataclass(frozen=True)
class Entry:
    """One file, or all text files with one ending.

    Attributes:
        name: its path relative to the folder, or `*.md`.
        kind: what it holds.
        rows: number of rows or files. Null: unknown.
        used: the columns that Hone reads.
        others: all other columns.
        problem: why it cannot be used yet, with the fix. Empty: it can.
    """

    name: str
    kind: Kind
    rows: int | None = None
    used: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    problem: str = ""

    @property
    def usable(self) -> bool:
        return not self.problem


def inventory(path: Path) -> list[Entry]:
    """The entries of a data folder or of a single file, in alphabetical order. Hidden files are
    skipped.
    """
    if path.is_file():
        return [entry_of(path, path.name)]
    texts: dict[str, int] = {}
    entries = []
    for file in sorted(visible_files(path)):
        name = file.relative_to(path).as_posix()
        if file.suffix.lower() in TEXTS:
            texts[file.suffix.lower()] = texts.get(file.suffix.lower(), 0) + 1
        elif "/" not in name or (file.parent.name == "qrels" and name.count("/") == 1):
            entries.append(entry_of(file, name))
    entries += [Entry(f"*{ending}", "texts", count) for ending, count in sorted(texts.items())]
    return entries


def visible_files(path: Path) -> Iterator[Path]:
    """All files below a folder whose path has no hidden part."""
    for file in path.rglob("*"):
        parts = file.relative_to(path).parts
        if not any(part.startswith(".") for part in parts) and file.is_file():
            yield file


def entry_of(file: Path, name: str) -> Entry:
    """The entry of one file."""
    if name.startswith("qrels/") and file.suffix == ".tsv":
        return labels_entry(file, name)
    if file.suffix.lower() not in (*ENDINGS, *click_log.ENDINGS):
        fix = HOW_TO_CONVERT.get(file.suffix.lower(), "Hone does not read it")
        return Entry(name, "other", problem=f"unsupported type. {fix}")
    try:
        if (found := log_entry(file, name)) is not None:
            return found
        if file.suffix.lower() not in ENDINGS:
            return Entry(name, "other", problem="not a click log. Name a table .jsonl")
        columns = user_tables.columns(file)
        return entry_with(file, name, rows_of(file), columns)
    except Refused as refusal:
        kind = FOLDER.get(file.stem) or BEIR.get(name, "other")
        return Entry(name, kind, problem=str(refusal).removesuffix("."))


def entry_with(file: Path, name: str, rows: int, columns: list[str]) -> Entry:
    """The entry of a readable table."""
    if name in BEIR and "_id" in columns:
        return beir_entry(name, rows, columns)
    if file.stem in FOLDER:
        return table_entry(file.stem, name, rows, columns)
    if file.suffix == ".jsonl" and is_training_file(file):
        return training_entry(name, rows, columns)
    return Entry(name, "other", rows, others=tuple(columns), problem=rename_hint(file, columns))


def beir_entry(name: str, rows: int, columns: list[str]) -> Entry:
    """The entry of corpus.jsonl or queries.jsonl in BEIR's layout."""
    used, others = parted_columns(columns, BEIR_COLUMNS)
    return Entry(name, BEIR[name], rows, used, others)


def table_entry(table: str, name: str, rows: int, columns: list[str]) -> Entry:
    """The entry of documents, queries or qrels of `source: folder`."""
    used, others = parted_columns(columns, HONE_COLUMNS[table])
    absent = [need for need in TABLES[table][1] if need not in columns]
    fixes = [f"'{column}' {renaming(column, columns)}" for column in absent]
    if table == "qrels" and "relevance" not in columns:
        grade = alias_in("relevance", columns)
        fixes += [f"'relevance' is missing (rename '{grade}', or delete it)"] if grade else []
    problem = f"column {'; '.join(fixes)}" if fixes else ""
    return Entry(name, FOLDER[table], rows, used, others, problem)


def training_entry(name: str, rows: int, columns: list[str]) -> Entry:
    """The entry of a training file, for `source: triplets`."""
    used = [
        column
        for column in columns
        if column in (*QUERY_NAMES, *POSITIVE_NAMES, *NEGATIVE_NAMES)
        or column.startswith("negative_")
        or column in ("positive_passages", "negative_passages")
    ]
    return Entry(name, "training examples", rows, *parted_columns(columns, used))


def log_entry(file: Path, name: str) -> Entry | None:
    """The entry of a click log or of UBI's events and searches. Null: the file is not one.

    Raises:
        Refused: the columns cannot be read.
    """
    if file.stem in FOLDER or name in BEIR:
        return None
    columns = click_log.columns_of(file)
    kind = click_log.kind_of(columns)
    if kind == "rows" and not is_click_log(columns):
        return None
    known = click_log.COLUMNS if kind == "rows" else (*UBI_COLUMNS, *click_log.HITS)
    used, others = parted_columns(columns, known)
    return Entry(name, LOGS[kind], click_log.count_rows(file), used, others)


def is_click_log(columns: list[str]) -> bool:
    """Whether a table has one impression per row."""
    return set(click_log.REQUIRED) <= set(columns) and bool({"query", "query_id"} & set(columns))


def labels_entry(file: Path, name: str) -> Entry:
    """The entry of qrels/<split>.tsv."""
    rows = sum(1 for _ in grades(file, Faults()))
    if file.stem not in SPLITS:
        problem = f"'{file.stem}' is not a split. Rename it to train.tsv, dev.tsv or test.tsv"
        return Entry(name, "labels", rows, problem=problem)
    return Entry(name, "labels", rows, ("query-id", "corpus-id", "score"))


def parted_columns(
    columns: list[str], known: tuple[str, ...] | list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The known and the other columns, in their order."""
    return (
        tuple(column for column in columns if column in known),
        tuple(column for column in columns if column not in known),
    )


def rows_of(file: Path) -> int:
    """The number of records of a table, without its header.

    Raises:
        Refused: the CSV file cannot be read.
    """
    if file.suffix == ".parquet":
        return pl.scan_parquet(file).select(pl.len()).collect().item()
    if file.suffix == ".csv":
        return len(user_tables.read_csv(file))
    with file.open("rb") as opened:
        return sum(1 for line in opened if line.strip())


def is_training_file(file: Path) -> bool:
    """Whether the first line of a JSON Lines file is a training example."""
    first = next(json_lines(file, Faults()), None)
    if first is None:
        return False
    try:
        parted(first[1])
    except Odd:
        return False
    return True


def rename_hint(file: Path, columns: list[str]) -> str:
    """How to make an unknown table usable: its likely table, and its columns."""
    if set(columns) & set(QUERY_NAMES) and set(columns) & set(POSITIVE_NAMES):
        reader = f"polars.read_{file.suffix[1:]}('{file.name}')"
        return (
            'looks like training examples: convert it to JSON Lines with `python -c "import '
            f"polars; {reader}.write_ndjson('{file.stem}.jsonl')\"`"
        )
    table = likely_table(file, columns)
    if table is None:
        lines = file.suffix == ".jsonl"
        return f"unknown fields. {LAYOUTS}" if lines else "its columns match no table of Hone"
    absent = [column for column in TABLES[table][1] if column not in columns]
    fixes = [f"'{column}' {renaming(column, columns)}" for column in absent]
    return f"looks like {table}: rename it to {table}{file.suffix}" + (
        f", and its column {'; '.join(fixes)}" if fixes else ""
    )


def likely_table(file: Path, columns: list[str]) -> str | None:
    """The table that a file with another name probably is. Null if nothing fits."""
    query, document = alias_in("query_id", columns), alias_in("doc_id", columns)
    stem = file.stem.lower()
    if (query and document) or any(word in stem for word in LABEL_WORDS):
        return "qrels"
    if query or any(word in (stem, *map(str.lower, columns)) for word in QUERY_WORDS):
        return "queries"
    return "documents" if document or alias_in("text", columns) else None


def alias_in(column: str, columns: list[str]) -> str | None:
    """The first of `columns` that is a usual name of a column."""
    return next((name for name in columns if name.lower() in ALIASES.get(column, ())), None)


def renaming(column: str, columns: list[str]) -> str:
    """A clause: which column to rename, or which ones exist."""
    plain = [name for name in columns if name.lower() in ("id", "_id")]
    found = alias_in(column, columns)
    if found is None and column.endswith("_id") and plain:
        found = plain[0]
    return f"is missing (rename '{found}')" if found else f"is missing (found {listed(columns)})"
