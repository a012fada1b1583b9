"""Where the pairs of one table are in another, and runs of a table in which queries are whole, so that 20 million pairs fit.

Pairs are looked up by integers: a join of two tables of texts takes long, and holds the keys of all pairs and copies of both at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from hone.data.query_groups import run_starts
from hone.layout import PAIR

MIX = np.uint64(0x9E3779B97F4A7C15)  # odd and without pattern: spreads the numbers of queries over 64 bits
ROWS_PER_BLOCK = 1 << 17  # of the table, so that what is searched stays in the processor's cache
ROWS_AT_ONCE = 1 << 16  # of a run


def where(pairs: pl.DataFrame, table: pl.DataFrame) -> np.ndarray:
    """For each row of `pairs` the row of `table` that has the same query_id and doc_id.

    Pairs are found by a hash of 64 bits, a run of queries at a time, and what is found is compared letter by letter; should two
    pairs share a hash, the texts themselves are joined. It is fast where the rows of a query stand together, and right anyway.

    Args:
        pairs: query_id, doc_id.
        table: query_id, doc_id, each pair once.

    Returns:
        Array [pairs] of rows; -1 where there is none.
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
    return rows if all(same(pairs[name], table[name], rows) for name in PAIR) else by_text(pairs, table)


def places(pairs: pl.DataFrame, among: pl.DataFrame) -> pl.Series:
    """The row of another table at which each pair is, as a column.

    Args:
        pairs: query_id, doc_id.
        among: query_id, doc_id, each pair once.

    Returns:
        `place`: row numbers of `among`, from 0, one for each row of `pairs`; null where `among` lacks the pair.
    """
    rows = pl.Series("place", where(pairs, among))
    return rows.set(rows < 0, None).cast(pl.UInt32)


def within(pairs: pl.DataFrame, among: pl.DataFrame) -> pl.Series:
    """Whether another table has each pair."""
    return places(pairs, among).is_not_null()


def in_runs(rows: pl.DataFrame, size: int = ROWS_AT_ONCE) -> Iterator[tuple[int, pl.DataFrame]]:
    """Slices of a table of about `size` rows, with their first row's number. Rows of a query that stand together stay together."""
    begins = rows.select(row=pl.int_range(pl.len()).filter(pl.col("query_id").ne_missing(pl.col("query_id").shift())))
    cuts = begins.group_by(part=pl.col("row") // size, maintain_order=True).first()["row"]
    for start, end in pairwise([*cuts, len(rows)]):
        yield start, rows.slice(start, end - start)


def hashed(*tables: pl.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each table a hash of every pair, and the number of its query, which is the same in all of them: [rows] each."""
    runs = [run_starts(table["query_id"]) for table in tables]
    heads = [table["query_id"].gather(first) for table, first in zip(tables, runs, strict=True)]
    numbers = np.split(pl.concat(heads).rank("dense").to_numpy().astype(np.uint32), np.cumsum([len(first) for first in runs])[:-1])
    made = []
    for table, first, number in zip(tables, runs, numbers, strict=True):
        query = np.repeat(number, np.diff(np.append(first, len(table))))
        made.append((table["doc_id"].hash().to_numpy() ^ (query * MIX), query))
    return made


def of_queries(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of both sides that belong to the same run of queries, by the queries' numbers [rows]; runs that one side lacks are left out."""
    count = int(max(left.max(), right.max())) + 1
    cuts = np.append(np.arange(0, count, max(1, count * ROWS_PER_BLOCK // len(right))), count)
    orders = [np.arange(len(side)) if (side[:-1] <= side[1:]).all() else np.argsort(side, kind="stable") for side in (left, right)]
    bounds = [np.searchsorted(side[order], cuts) for side, order in zip((left, right), orders, strict=True)]
    for place in range(len(cuts) - 1):
        mine, theirs = (order[bound[place] : bound[place + 1]] for order, bound in zip(orders, bounds, strict=True))
        if len(mine) and len(theirs):
            yield mine, theirs


def same(ids: pl.Series, known: pl.Series, rows: np.ndarray) -> bool:
    """Whether what was found is what was sought."""
    there = rows >= 0
    if there.all():
        return ids.equals(known.gather(rows))
    return ids.filter(pl.Series(there)).equals(known.gather(rows[there]))


def by_text(pairs: pl.DataFrame, table: pl.DataFrame) -> np.ndarray:
    """The same by a join of the texts."""
    numbered = table.select(PAIR).with_row_index("row").unique(PAIR, keep="first", maintain_order=True)
    found = pairs.select(PAIR).join(numbered, on=PAIR, how="left", maintain_order="left")
    return found["row"].cast(pl.Int64).fill_null(-1).to_numpy()
