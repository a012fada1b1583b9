"""Ids, texts and grades from users' files, converted by one rule in every reader.

Single values (JSON) and columns (Parquet, CSV) convert alike. Missing values (null, NaN) become
null and never the text "nan". A numeric id becomes its digits, so 7, 7.0 and "7" are equal. A text
is unchanged, so "007" stays "007".
"""

from __future__ import annotations

import math
import re
from typing import Any

import polars as pl

MOST = 2**31 - 1  # the largest grade that a table can hold
EXACT = 2**53  # above this, a float no longer represents one whole number
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
LONGEST = 60  # characters of a value in messages

WHOLE = (
    "Use whole numbers or texts. pandas converts whole numbers to decimals if a column has "
    "gaps, and `.astype('Int64')` reverts it"
)
FRACTION = (
    "Relevance grades are whole numbers (0: labelled not relevant, 1 or higher: relevant). "
    "Multiply all grades to make them "
    "whole, for example 0.5 and 1 by 2, and set `min_relevance` to match"
)


class Odd(ValueError):
    """An invalid value. The message completes "`doc_id` is ...". `remedy` is the fix."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def show_value(value: Any) -> str:
    """A value for a message: its Python repr, truncated."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer with thousands of digits
        return f"a {type(value).__name__}"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def missing(value: Any) -> bool:
    """Whether a value is missing: null, or NaN, which pandas writes for null."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def id_of(value: Any) -> str | None:
    """An id as text. Null if it is missing.

    Raises:
        Odd: a decimal number, a Boolean, a list or an object.
    """
    if missing(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise Odd(f"{show_value(value)}, which is not an id", "Use a text or a whole number")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not value.is_integer() or abs(value) >= EXACT:
            raise Odd(f"the decimal number {show_value(value)}", WHOLE)
        return str(int(value))
    raise Odd(
        f"{KINDS.get(type(value), 'no id')} ({show_value(value)})",
        "Use a text or a whole number",
    )


def text_of(value: Any) -> str | None:
    """A text. A number becomes its digits. Null if it is missing.

    Raises:
        Odd: a Boolean, an infinite number, a list or an object.
    """
    if missing(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    raise Odd(f"{KINDS.get(type(value), 'no text')} ({show_value(value)})", "Use a single text")


KINDS = {list: "a list", dict: "an object"}


def grade_of(value: Any) -> int:
    """A relevance grade: 1, 1.0, "1" and "1.0" are 1. It may be negative.

    Raises:
        Odd: missing, not a number, a fraction, or too large for a table.
    """
    if missing(value) or (isinstance(value, str) and not value.strip()):
        raise Odd(
            "missing",
            "Use 0 for labelled not relevant and 1 or higher for relevant, or omit the whole "
            "column",
        )
    if isinstance(value, str):
        if not NUMBER.fullmatch(value.strip()):
            raise Odd(f"{show_value(value)}, which is not a whole number", FRACTION)
        digits = value.strip()
        number = (
            int(digits) if digits.lstrip("+-").isdigit() and len(digits) < 20 else float(digits)
        )
    elif isinstance(value, int | float):
        number = value
    else:
        raise Odd(f"{show_value(value)}, which is not a whole number", FRACTION)
    if isinstance(number, float) and not math.isinf(number) and not number.is_integer():
        raise Odd(f"{show_value(value)}, which is not a whole number", FRACTION)
    if abs(number) > MOST:
        raise Odd(f"{show_value(value)}, which exceeds {MOST:,}", FRACTION)
    return int(number)


def as_ids(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """A column of ids as text (see `id_of`), and a mask of its invalid values."""
    return _texts(column, decimals=False)


def as_texts(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """A column of texts (see `text_of`), and a mask of its invalid values."""
    return _texts(column, decimals=True)


def _texts(column: pl.Series, decimals: bool) -> tuple[pl.Series, pl.Series]:
    kind, has_value = column.dtype, column.is_not_null()
    nothing = pl.repeat(False, len(column), eager=True)
    if kind.is_float():
        column = column.cast(pl.Float64).fill_nan(None)
        has_value = column.is_not_null()
        if decimals:
            bad = has_value & ~column.is_finite().fill_null(False)
            return pl.Series(
                [None if value is None else str(value) for value in column], dtype=pl.String
            ), bad
        whole = (
            column.is_finite() & (column == column.round()) & (column.abs() < EXACT)
        ).fill_null(False)
        return column.set(~whole, None).cast(pl.Int64).cast(pl.String), has_value & ~whole
    if kind.is_decimal():
        texts = column.cast(pl.String).str.replace(r"\.0*$", "")
        return texts, nothing if decimals else texts.str.contains(".", literal=True).fill_null(
            False
        )
    if kind == pl.Binary:  # text without a string type, as some Parquet writers store it
        texts = pl.Series([decoded(value) for value in column], dtype=pl.String)
        return texts, has_value & texts.is_null()
    written = (pl.String, pl.Null, pl.Categorical, pl.Enum)
    if kind.is_integer() or (kind.is_temporal() and kind != pl.Duration) or kind in written:
        texts = column.cast(pl.String, strict=False)
        return texts, has_value & texts.is_null()
    return pl.Series([None] * len(column), dtype=pl.String), has_value


def decoded(value: bytes | None) -> str | None:
    """UTF-8 bytes as text. Null if they are not valid UTF-8."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def as_grades(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """A column of grades as Int32 (see `grade_of`), and a mask of its invalid values."""
    if (
        column.dtype.is_nested()
        or column.dtype.is_temporal()
        or column.dtype in (pl.Object, pl.Binary)
    ):
        return pl.Series([None] * len(column), dtype=pl.Int32), pl.repeat(
            True, len(column), eager=True
        )
    if column.dtype == pl.String:
        plain = column.str.strip_chars()
        column = plain.set(~plain.str.contains(rf"^(?:{NUMBER.pattern})$").fill_null(False), None)
    number = column.cast(pl.Float64, strict=False)
    good = (number.is_finite() & (number == number.round()) & (number.abs() <= MOST)).fill_null(
        False
    )
    return number.set(~good, None).cast(pl.Int32), ~good
