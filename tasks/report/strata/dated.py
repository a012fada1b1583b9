"""dated: queries by the date of their relevant documents: newer, older or undated.

Source: Hone default. Models are trained on older texts. A date is a day, month or year (its clock
is the calendar). It can also be a version, which orders the documents of one library (its clock is
that library). Only dates of the same clock are compared.
"""

from __future__ import annotations

import polars as pl

from hone.errors import Refused

LEVELS = {
    "newer": "the oldest relevant document is newer than the median date on the same clock",
    "older": "the oldest relevant document is not newer than the median date on the same clock",
    "undated": "a relevant document has no date, or the dates are on different clocks",
}
DIGITS = 9  # parts of a date are zero-padded to this width, so that they sort as numbers


def dated(right: pl.DataFrame, dates: pl.DataFrame) -> pl.DataFrame:
    """A level of `LEVELS` for each query.

    The date of a query is that of its oldest relevant document. A query has no date if these
    documents have different clocks.

    Args:
        right: query_id, doc_id of every relevant document.
        dates: doc_id, clock, date. A date consists of groups of digits, the most significant first:
            2021-03-04, 1.10.2.

    Returns:
        query_id, level.

    Raises:
        Refused: no relevant document has a date.
    """
    newer, older, undated = LEVELS
    keys = dates.select("doc_id", "clock", key=sortable("date"))
    answers = right.join(keys, on="doc_id", how="left", maintain_order="left")
    is_dated = (pl.col("key").is_not_null().all()) & (pl.col("clock").n_unique() == 1)
    queries = answers.group_by("query_id", maintain_order=True).agg(
        clock=pl.when(is_dated).then(pl.col("clock").first()),
        key=pl.when(is_dated).then(pl.col("key").min()),
    )
    if queries["key"].is_null().all():
        raise Refused("no relevant document has a date")
    before = pl.col("key").rank("min").over("clock") - 1
    half = pl.col("key").count().over("clock") / 2
    level = (
        pl.when(pl.col("key").is_null())
        .then(pl.lit(undated))
        .when(before >= half)
        .then(pl.lit(newer))
        .otherwise(pl.lit(older))
    )
    return queries.select("query_id", level=level)


def sortable(date: str) -> pl.Expr:
    """A column of dates as strings that sort chronologically: 1.9 before 1.10, and 1.10 equal to
    1.10.0.
    """
    parts = pl.col(date).str.replace(r"(\.0+)+$", "").str.extract_all(r"\d+")
    return parts.list.eval(pl.element().str.zfill(DIGITS)).list.join(".")
