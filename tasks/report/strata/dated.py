"""dated: queries by the date of their right answers: what is newer, what is older, what has no date.

Source: ours. Models are trained on the past. A date is a day, month or year where a collection has such (its clock is the calendar), or
a version, which orders what belongs to one library (its clock is that library). Only dates of one clock are compared.
"""

from __future__ import annotations

import polars as pl

from hone.errors import Refused

LEVELS = {
    "newer": "its oldest right answer is newer than the middle of those dated alike",
    "older": "its oldest right answer is as old as the middle of those dated alike, or older",
    "undated": "a right answer has no date",
}
DIGITS = 9  # that a part of a date is filled up to, so that texts sort as numbers do


def dated(right: pl.DataFrame, dates: pl.DataFrame) -> pl.DataFrame:
    """A level of `LEVELS` for each query.

    A query is as old as the oldest of its right answers; where these are of several clocks it has no date.

    Args:
        right: query_id, doc_id of every right answer.
        dates: doc_id, clock, date; a date is parts of digits, the most significant first: 2021-03-04, 1.10.2.

    Returns:
        query_id, level.

    Raises:
        Refused: no right answer has a date.
    """
    newer, older, undated = LEVELS
    keys = dates.select("doc_id", "clock", key=sortable("date"))
    answers = right.join(keys, on="doc_id", how="left", maintain_order="left")
    told = (pl.col("key").is_not_null().all()) & (pl.col("clock").n_unique() == 1)
    queries = answers.group_by("query_id", maintain_order=True).agg(
        clock=pl.when(told).then(pl.col("clock").first()), key=pl.when(told).then(pl.col("key").min())
    )
    if queries["key"].is_null().all():
        raise Refused("no right answer has a date")
    before = pl.col("key").rank("min").over("clock") - 1
    half = pl.col("key").count().over("clock") / 2
    level = pl.when(pl.col("key").is_null()).then(pl.lit(undated)).when(before >= half).then(pl.lit(newer)).otherwise(pl.lit(older))
    return queries.select("query_id", level=level)


def sortable(date: str) -> pl.Expr:
    """A column of dates as texts that sort as the dates do: 1.9 before 1.10, and 1.10 the same as 1.10.0."""
    parts = pl.col(date).str.replace(r"(\.0+)+$", "").str.extract_all(r"\d+")
    return parts.list.eval(pl.element().str.zfill(DIGITS)).list.join(".")
