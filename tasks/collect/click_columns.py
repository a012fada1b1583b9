"""Columns of a click log as expressions: text, position, clicked, seconds and time, whatever type
the file has.
"""

from __future__ import annotations

import polars as pl

from hone.data.input_values import EXACT

NOT_A_POSITION = -(2**31)  # given, but not a whole number
LARGEST = 2**31 - 1
# From these values on, a number is an epoch in milliseconds, microseconds or nanoseconds.
EPOCHS = ((1e11, 1e3), (1e14, 1e6), (1e17, 1e9))
TRUE, FALSE = ("1", "1.0", "true"), ("0", "0.0", "false")
CLOCK = r"^\d{4}-\d{2}-\d{2}[T ](\d{2}:\d{2}(?::\d{2})?)"
ZONE = r"[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?\s*([+-]\d{2}):?(\d{2})$"


def as_text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """A text or id. Numbers become their digits, 7.0 becomes "7", and nested values null."""
    if kind.is_float():
        whole = column.is_finite() & (column == column.round()) & (column.abs() < EXACT)
        digits = column.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(digits).otherwise(column.fill_nan(None).cast(pl.String))
    if kind.is_nested() or kind in (pl.Object, pl.Unknown):
        return pl.lit(None, dtype=pl.String)
    return column.cast(pl.String, strict=False)


def as_position(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """A position as Int32. Null if it is absent, and NOT_A_POSITION if it is anything else than a
    whole number.
    """
    text = as_text(column, kind).str.strip_chars()
    number = text.cast(pl.Float64, strict=False)
    whole = number.is_finite() & (number == number.round()) & (number.abs() <= LARGEST)
    return (
        pl.when(text.is_null() | (text == ""))
        .then(pl.lit(None, dtype=pl.Int32))
        .when(whole.fill_null(False))
        .then(number.cast(pl.Int32, strict=False))
        .otherwise(pl.lit(NOT_A_POSITION, dtype=pl.Int32))
    )


def as_clicked(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """1 or 0 as Int8. Null if it is anything else."""
    text = as_text(column, kind).str.strip_chars().str.to_lowercase()
    return (
        pl.when(text.is_in(TRUE))
        .then(pl.lit(1, dtype=pl.Int8))
        .when(text.is_in(FALSE))
        .then(pl.lit(0, dtype=pl.Int8))
    )


def as_seconds(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Seconds as Float64. Null if it is not a number."""
    return as_text(column, kind).str.strip_chars().cast(pl.Float64, strict=False)


def as_time(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Seconds since 1970 (UTC) as Int64, from ISO 8601 or an epoch in seconds, milliseconds,
    microseconds or nanoseconds. Null if it is neither. A time without a zone is UTC.
    """
    if kind in (pl.Datetime, pl.Date):
        return column.dt.epoch("s").cast(pl.Int64)
    text = as_text(column, kind).str.strip_chars()
    number = text.cast(pl.Float64, strict=False)
    epoch = number
    for least, divisor in EPOCHS:
        epoch = pl.when(number >= least).then(number / divisor).otherwise(epoch)
    clock = text.str.extract(CLOCK, 1).fill_null("00:00:00")
    clock = pl.when(clock.str.len_bytes() == 5).then(clock + ":00").otherwise(clock)
    moment = (text.str.slice(0, 10) + " " + clock).str.to_datetime(
        "%Y-%m-%d %H:%M:%S", strict=False, time_unit="us"
    )
    hours = text.str.extract(ZONE, 1).cast(pl.Int64, strict=False).fill_null(0)
    minutes = text.str.extract(ZONE, 2).cast(pl.Int64, strict=False).fill_null(0)
    behind = text.str.extract(ZONE, 1).str.starts_with("-").fill_null(False)
    offset = hours * 3600 + pl.when(behind).then(-minutes).otherwise(minutes) * 60
    iso = moment.dt.epoch("s").cast(pl.Int64) - offset
    return pl.coalesce(epoch.floor().cast(pl.Int64, strict=False), iso)
