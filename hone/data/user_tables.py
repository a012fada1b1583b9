"""A user's table below inputs/: Parquet, CSV or JSON Lines with named columns. Errors include
file and row.
"""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from hone.data.file_faults import Faults, Faulty
from hone.data.input_values import EXACT, Odd, as_ids, id_of, missing, show_value
from hone.data.source import json_lines, text_lines
from hone.errors import Refused, listed, nearest

ENDINGS = (".parquet", ".csv", ".jsonl")


def columns(file: Path) -> list[str]:
    """The column names of a table. For JSON Lines, those of the first line.

    Raises:
        Refused: the file has another type or cannot be read.
    """
    if file.suffix not in ENDINGS:
        raise Refused(
            f"{file} has an unsupported type. Save the table as one of {listed(ENDINGS)}."
        )
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
    """A CSV file with a header, every column as text, without a byte order mark.

    Raises:
        Refused: it is missing, not UTF-8, or has rows whose field count differs from the header.
            The message lists all of them.
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
        raise Refused(
            f"{file} cannot be read as CSV: {reason(error)}. Save it again as CSV UTF-8."
        ) from None


def misshapen(file: Path, separator: str) -> Faults:
    """The rows of a CSV file with more fields than its header."""
    faults = Faults()
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.reader(opened, delimiter=separator)
            width = len(next(rows, []))
            for number, row in enumerate(rows, start=2):
                if len(row) > width:
                    what = f"{len(row)} fields, but the header has {width}"
                    faults.line(
                        file,
                        number,
                        what,
                        "Put fields with commas or line breaks in quotes",
                        unit="row",
                    )
    except csv.Error:
        pass  # the message of polars is enough
    return faults


def reason(error: Exception) -> str:
    """The first line of a library's error message."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def need(file: Path, ids: tuple[str, ...]) -> None:
    """Raise Refused if a table lacks one of the columns `ids`. The message suggests the nearest
    name.
    """
    file_columns = columns(file)
    if missing := [name for name in ids if name not in file_columns]:
        hints = "; ".join(nearest(name, file_columns) for name in missing)
        raise Refused(
            f"{file} lacks the column {listed(missing)}. Found: {listed(file_columns)} "
            f"({hints}). Rename the column."
        )


def read(file: Path, ids: tuple[str, ...], numbers: tuple[str, ...] = ()) -> pl.DataFrame:
    """The columns `ids` as text and, if present, the columns `numbers` as Float64, with `row`
    (records, from 1).

    Raises:
        Refused: a column of `ids` is missing or has an empty value, or a number is invalid. The
            message names the row.
    """
    need(file, ids)
    column_names = [*ids, *(name for name in numbers if name in columns(file))]
    try:
        if file.suffix == ".parquet":
            rows = pl.read_parquet(file, columns=column_names)
        elif file.suffix == ".csv":
            rows = read_csv(file).select(column_names)
        else:
            rows = from_records(file, column_names)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read as {file.suffix[1:]}: {error}") from None
    if rows.is_empty():
        raise Refused(f"{file} has no rows. It needs {listed(ids)}.")
    untyped, faults = rows.with_row_index("row", offset=1), Faults()
    typed = untyped
    for name in ids:
        values, bad = as_ids(untyped[name])
        for place in bad.arg_true():
            try:
                id_of(untyped[name][place])
            except Odd as odd:
                faults.line(
                    file, place + 1, f"`{name}` is {odd}", odd.remedy, f"{name} {odd.remedy}", "row"
                )
        typed = typed.with_columns(values.alias(name))
    faults.refuse()
    bare = typed.filter(
        pl.any_horizontal(pl.col(name).is_null() | (pl.col(name) == "") for name in ids)
    )
    if len(bare):
        raise Refused(
            f"{file}, row {bare['row'][0]:,}: {listed(name for name in ids if not bare[name][0])} "
            "is empty."
        )
    for name in column_names[len(ids) :]:
        number = as_number(untyped[name])
        wrong = (~number.is_finite()).fill_null(True).arg_true()
        if len(wrong):
            raise Refused(
                f"{file}, row {wrong[0] + 1:,}: the {name} {untyped[name][wrong[0]]!r} is not a "
                "number. Correct it."
            )
        typed = typed.with_columns(number.alias(name))
    return typed.select("row", *column_names)


def from_records(file: Path, names: list[str]) -> pl.DataFrame:
    """Columns of a JSON Lines file. An id may be a number in one line and a text in another.

    Raises:
        Refused: lines cannot be read, or one of these columns contains lists or objects.
    """
    faults, columns = Faults(), {name: [] for name in names}
    for number, record in json_lines(file, faults):
        for name in names:
            value = record.get(name)
            if isinstance(value, list | dict):
                faults.line(
                    file,
                    number,
                    f"`{name}` is {show_value(value)}",
                    "Use a text or a number",
                    name,
                )
            elif isinstance(value, float) and value.is_integer():
                value = id_of(value) if abs(value) < EXACT else str(value)
            columns[name].append(
                None if missing(value) or isinstance(value, list | dict) else str(value)
            )
    faults.refuse()
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def as_number(values: pl.Series) -> pl.Series:
    """Float64. `true` and `false` become 1 and 0, and invalid values become null."""
    if values.dtype == pl.String:
        plain = values.str.strip_chars().str.to_lowercase().replace({"true": "1", "false": "0"})
        return plain.cast(pl.Float64, strict=False)
    return values.cast(pl.Float64, strict=False)
