"""A table that the user keeps below inputs/: Parquet, CSV or JSON Lines, with named columns; what is wrong is said with file and row."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks.errors import Refused, listed, nearest

ENDINGS = (".parquet", ".csv", ".jsonl")


def columns(file: Path) -> list[str]:
    """The names of a table's columns; of JSON Lines those of its first line.

    Raises:
        Refused: the file is of another kind, or cannot be read.
    """
    if file.suffix not in ENDINGS:
        raise Refused(f"{file} is none of {listed(ENDINGS)}: save the table as one of these.")
    try:
        if file.suffix == ".parquet":
            return list(pl.read_parquet_schema(file))
        scan = pl.scan_csv(file, infer_schema=False) if file.suffix == ".csv" else pl.scan_ndjson(file, infer_schema_length=1)
        return list(scan.collect_schema())
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read as {file.suffix[1:]}: {error}") from None


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
            rows = pl.read_csv(file, infer_schema=False, columns=kept)
        else:
            rows = pl.read_ndjson(file, infer_schema_length=None).select(kept)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read as {file.suffix[1:]}: {error}") from None
    if rows.is_empty():
        raise Refused(f"{file} has no rows: it wants {listed(ids)}.")
    told = rows.with_row_index("row", offset=1)
    typed = told.with_columns(pl.col(*ids).cast(pl.String))
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


def as_number(values: pl.Series) -> pl.Series:
    """Float64; `true` and `false` are 1 and 0, null where a value is no number."""
    if values.dtype == pl.String:
        plain = values.str.strip_chars().str.to_lowercase().replace({"true": "1", "false": "0"})
        return plain.cast(pl.Float64, strict=False)
    return values.cast(pl.Float64, strict=False)
