"""Row lookup of one table's pairs in another, and slices of whole queries, for tables of 20 million
pairs.

Pairs are looked up by integers. Joining two tables of texts is slow and keeps the keys and copies
of all pairs in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from hone.data.query_groups import run_starts
from hone.layout import PAIR

MIX = np.uint64(
    0x9E3779B97F4A7C15
)  # an odd random constant that spreads query numbers over 64 bits
ROWS_PER_BLOCK = 1 << 17  # of the table, so a block fits the processor's cache
ROWS_AT_ONCE = 1 << 16  # of a slice


def where(pairs: pl.DataFrame, table: pl.DataFrame) -> np.ndarray:
    """For each row of `pairs`, the row of `table` with the same query_id and doc_id.

    Pairs are found by 64-bit hashes, in blocks of queries, and every match is verified. If two
    pairs share a hash, the texts are joined instead. It is fast if the rows of a query are
    adjacent, and correct in any order.

    Args:
        pairs: query_id, doc_id.
        table: query_id, doc_id, each pair once.

    Returns:
        Array [pairs] of rows. -1 if a pair is missing.
    """
    rows = np.full(len(pairs), -1)
    if pairs.is_empty() or table.is_empty():
        return rows
    left, right = hashed(pairs, table)
    for mine, theirs in of_queries(left[1], right[1]):
        order = np.argsort(right[0][theirs])
        sought, among = left[0][mine], right[0][theirs][order]
        at = np.minimum(np.searchsorted(among, sought), len(among) - 1)
        found = among[at] == sought
        rows[mine] = np.where(found, theirs[order[at]], -1)
    return (
        rows
        if all(same(pairs[name], table[name], rows) for name in PAIR)
        else by_text(pairs, table)
    )


def places(pairs: pl.DataFrame, among: pl.DataFrame) -> pl.Series:
    """The row of another table that holds each pair, as a column.

    Args:
        pairs: query_id, doc_id.
        among: query_id, doc_id, each pair once.

    Returns:
        `place`: row numbers of `among`, from 0, one for each row of `pairs`. Null if `among` lacks
            the pair.
    """
    rows = pl.Series("place", where(pairs, among))
    return rows.set(rows < 0, None).cast(pl.UInt32)


def within(pairs: pl.DataFrame, among: pl.DataFrame) -> pl.Series:
    """Whether another table contains each pair."""
    return places(pairs, among).is_not_null()


def in_runs(rows: pl.DataFrame, size: int = ROWS_AT_ONCE) -> Iterator[tuple[int, pl.DataFrame]]:
    """Slices of about `size` rows with the number of their first row. Adjacent rows of a query
    stay together.
    """
    begins = rows.select(
        row=pl.int_range(pl.len()).filter(pl.col("query_id").ne_missing(pl.col("query_id").shift()))
    )
    cuts = begins.group_by(part=pl.col("row") // size, maintain_order=True).first()["row"]
    for start, end in pairwise([*cuts, len(rows)]):
        yield start, rows.slice(start, end - start)


def hashed(*tables: pl.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each table, a hash of every pair and its query number, which is the same in all
    tables: [rows] each.
    """
    runs = [run_starts(table["query_id"]) for table in tables]
    heads = [table["query_id"].gather(first) for table, first in zip(tables, runs, strict=True)]
    numbers = np.split(
        pl.concat(heads).rank("dense").to_numpy().astype(np.uint32),
        np.cumsum([len(first) for first in runs])[:-1],
    )
    made = []
    for table, first, number in zip(tables, runs, numbers, strict=True):
        query = np.repeat(number, np.diff(np.append(first, len(table))))
        made.append((table["doc_id"].hash().to_numpy() ^ (query * MIX), query))
    return made


def of_queries(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of both sides in the same block of queries, by query numbers [rows]. Blocks that one
    side lacks are skipped.
    """
    count = int(max(left.max(), right.max())) + 1
    cuts = np.append(np.arange(0, count, max(1, count * ROWS_PER_BLOCK // len(right))), count)
    orders = [
        np.arange(len(side)) if (side[:-1] <= side[1:]).all() else np.argsort(side, kind="stable")
        for side in (left, right)
    ]
    bounds = [
        np.searchsorted(side[order], cuts)
        for side, order in zip((left, right), orders, strict=True)
    ]
    for place in range(len(cuts) - 1):
        mine, theirs = (
            order[bound[place] : bound[place + 1]]
            for order, bound in zip(orders, bounds, strict=True)
        )
        if len(mine) and len(theirs):
            yield mine, theirs


def same(ids: pl.Series, known: pl.Series, rows: np.ndarray) -> bool:
    """Whether the matched rows equal the requested ones."""
    is_known = rows >= 0
    if is_known.all():
        return ids.equals(known.gather(rows))
    return ids.filter(pl.Series(is_known)).equals(known.gather(rows[is_known]))


def by_text(pairs: pl.DataFrame, table: pl.DataFrame) -> np.ndarray:
    """The same lookup by a join of the texts."""
    numbered = (
        table.select(PAIR).with_row_index("row").unique(PAIR, keep="first", maintain_order=True)
    )
    found = pairs.select(PAIR).join(numbered, on=PAIR, how="left", maintain_order="left")
    return found["row"].cast(pl.Int64).fill_null(-1).to_numpy()
