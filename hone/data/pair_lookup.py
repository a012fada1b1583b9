"""Where pairs of one table stand in another, and the runs of a table in which queries are whole, so that a million pairs fit.

A join of two whole tables holds the keys of all their pairs at once, and copies of both; here it is done part by part.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from hone.layout import PAIR

ROWS_AT_ONCE = 1 << 16


def places(pairs: pl.DataFrame, among: pl.DataFrame, size: int = ROWS_AT_ONCE) -> pl.Series:
    """At which row of another table each pair stands.

    Args:
        pairs: query_id, doc_id.
        among: query_id, doc_id, no pair twice.
        size: rows, about, that are looked up at once.

    Returns:
        Row numbers of `among`, from 0, one for each row of `pairs`; null where `among` has no such pair.
    """
    parts = max(len(pairs), len(among)) // size + 1
    part = (pl.col("query_id").hash() % parts).cast(pl.UInt32)
    asked, known = (frame.select(*PAIR, part=part).with_row_index("row") for frame in (pairs, among))
    found = np.full(len(pairs), len(among), dtype=np.uint32)
    for number in range(parts):
        here = [frame.filter(pl.col("part") == number).drop("part") for frame in (asked, known)]
        both = here[0].join(here[1], on=PAIR, how="inner", suffix="_there")
        found[both["row"].to_numpy()] = both["row_there"].to_numpy()
    at = pl.Series("place", found)
    return at.set(at == len(among), None)


def within(pairs: pl.DataFrame, among: pl.DataFrame) -> pl.Series:
    """Whether another table has each pair."""
    return places(pairs, among).is_not_null()


def in_runs(rows: pl.DataFrame, size: int = ROWS_AT_ONCE) -> Iterator[tuple[int, pl.DataFrame]]:
    """Slices of a table of about `size` rows, with their first row's number. Rows of a query that stand together stay together."""
    begins = rows.select(row=pl.int_range(pl.len()).filter(pl.col("query_id").ne_missing(pl.col("query_id").shift())))
    cuts = begins.group_by(part=pl.col("row") // size, maintain_order=True).first()["row"]
    for start, end in pairwise([*cuts, len(rows)]):
        yield start, rows.slice(start, end - start)
