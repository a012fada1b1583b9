"""A table that the user keeps below inputs/: Parquet, CSV or JSON Lines, with named columns; what is wrong is said with file and row."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from hone.data.file_faults import Faults, Faulty
from hone.data.input_values import EXACT, Odd, as_ids, id_of, missing, shown
from hone.data.source import json_lines, text_lines
from hone.errors import Refused, listed, nearest

ENDINGS = (".parquet", ".csv", ".jsonl")


def columns(file: Path) -> list[str]:
    """The names of a table's columns; of JSON Lines those of its first line.

    Raises:
        Refused: the file is of another kind, or cannot be read.
    """
    if file.suffix not in ENDINGS:
        raise Refused(f"{file} is none of {listed(ENDINGS)}: save the table as one of these.")
    if file.suffix == ".jsonl":
        faults = Faults()
        first = next(json_lines(file, faults), None)
        faults.refuse()
        return [] if first is None else list(first[1])
    try:
        if file.suffix == ".parquet":
            return list(pl.read_parquet_schema(file))
        return list(pl.scan_csv(file, infer_schema=False).collect_schema())
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read as {file.suffix[1:]}: {reason(error)}") from None


def read_csv(file: Path, separator: str = ",") -> pl.DataFrame:
    """A CSV file with a heading, every column as text; a mark of its encoding (BOM) is no part of the first name.

    Raises:
        Refused: it is missing, not UTF-8, or has rows of another width than its heading; the message has all of them.
    """
    faults = Faults()
    for _ in text_lines(file, faults):
        pass
    if faults:
        raise Faulty(faults, None)
    try:
        return pl.read_csv(file, infer_schema=False, separator=separator)
    except (pl.exceptions.PolarsError, OSError) as error:
        if wrong := misshapen(file, separator):
            raise Faulty(wrong, None) from None
        raise Refused(f"{file} cannot be read as CSV: {reason(error)}. Save it again as CSV UTF-8.") from None


def misshapen(file: Path, separator: str) -> Faults:
    """The rows of a CSV file that have more fields than its heading."""
    faults = Faults()
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.reader(opened, delimiter=separator)
            width = len(next(rows, []))
            for number, row in enumerate(rows, start=2):
                if len(row) > width:
                    what = f"{len(row)} fields where the heading has {width}"
                    faults.line(file, number, what, "Put fields that have commas or line breaks in quotes", unit="row")
    except csv.Error:
        pass  # what polars says of the file then stands alone
    return faults


def reason(error: Exception) -> str:
    """The first line of what a library says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def need(file: Path, ids: tuple[str, ...]) -> None:
    """Raises Refused where a table lacks one of the columns `ids`; the message has the nearest name."""
    there = columns(file)
    if missing := [name for name in ids if name not in there]:
        hints = "; ".join(nearest(name, there) for name in missing)
        raise Refused(f"{file} lacks the column {listed(missing)}; it has {listed(there)} ({hints}). Rename it.")


def read(file: Path, ids: tuple[str, ...], numbers: tuple[str, ...] = ()) -> pl.DataFrame:
    """The columns `ids` as text and, where the table has them, those of `numbers` as Float64, with `row` (records, from 1).

    Raises:
        Refused: a column of `ids` is missing or has an empty value, or a number is none; names the row.
    """
    need(file, ids)
    kept = [*ids, *(name for name in numbers if name in columns(file))]
    try:
        if file.suffix == ".parquet":
            rows = pl.read_parquet(file, columns=kept)
        elif file.suffix == ".csv":
            rows = read_csv(file).select(kept)
        else:
            rows = from_records(file, kept)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read as {file.suffix[1:]}: {error}") from None
    if rows.is_empty():
        raise Refused(f"{file} has no rows: it wants {listed(ids)}.")
    told, faults = rows.with_row_index("row", offset=1), Faults()
    typed = told
    for name in ids:
        values, bad = as_ids(told[name])
        for place in bad.arg_true():
            try:
                id_of(told[name][place])
            except Odd as odd:
                faults.line(file, place + 1, f"`{name}` is {odd}", odd.remedy, f"{name} {odd.remedy}", "row")
        typed = typed.with_columns(values.alias(name))
    faults.refuse()
    bare = typed.filter(pl.any_horizontal(pl.col(name).is_null() | (pl.col(name) == "") for name in ids))
    if len(bare):
        raise Refused(f"{file}, row {bare['row'][0]:,}: {listed(name for name in ids if not bare[name][0])} is empty.")
    for name in kept[len(ids) :]:
        number = as_number(told[name])
        wrong = (~number.is_finite()).fill_null(True).arg_true()
        if len(wrong):
            raise Refused(f"{file}, row {wrong[0] + 1:,}: the {name} {told[name][wrong[0]]!r} should be a number.")
        typed = typed.with_columns(number.alias(name))
    return typed.select("row", *kept)


def from_records(file: Path, kept: list[str]) -> pl.DataFrame:
    """Columns of a JSON Lines file; a number may stand for an id in one line and a text in another.

    Raises:
        Refused: lines cannot be read, or have lists or objects in one of these columns.
    """
    faults, columns = Faults(), {name: [] for name in kept}
    for number, record in json_lines(file, faults):
        for name in kept:
            value = record.get(name)
            if isinstance(value, list | dict):
                faults.line(file, number, f"`{name}` is {shown(value)}", "Give a text or a number", name)
            elif isinstance(value, float) and value.is_integer():
                value = id_of(value) if abs(value) < EXACT else str(value)
            columns[name].append(None if missing(value) or isinstance(value, list | dict) else str(value))
    faults.refuse()
    return pl.DataFrame(columns, schema=dict.fromkeys(kept, pl.String))


def as_number(values: pl.Series) -> pl.Series:
    """Float64; `true` and `false` are 1 and 0, null where a value is no number."""
    if values.dtype == pl.String:
        plain = values.str.strip_chars().str.to_lowercase().replace({"true": "1", "false": "0"})
        return plain.cast(pl.Float64, strict=False)
    return values.cast(pl.Float64, strict=False)
