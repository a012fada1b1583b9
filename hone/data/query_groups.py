"""A pool's queries as contiguous row ranges: vectorized per-query operations for all queries at
once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

ROWS_PER_BLOCK = 1 << 21
KEY_BITS = 32
SIGN = np.uint32(1 << 31)


@dataclass(frozen=True)
class Segments:
    """The first row of each query: array [q + 1]. The last entry is the number of rows."""

    bounds: np.ndarray

    @classmethod
    def of(cls, pool: pl.DataFrame) -> Segments:
        """Build the groups of equal query_id.

        Raises:
            ValueError: the rows of a query are not adjacent.
        """
        ids = pool["query_id"]
        if ids.is_empty():
            return cls(np.zeros(1, dtype=np.int64))
        first = run_starts(ids)
        if ids.gather(first).n_unique() < len(first):
            raise ValueError(
                "the rows of a query are not adjacent in the pool. Order them with `merged`."
            )
        return cls(np.append(first, len(ids)).astype(np.int64))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def starts(self) -> np.ndarray:
        """The first row of each query: [q]."""
        return self.bounds[:-1]

    @cached_property
    def lengths(self) -> np.ndarray:
        """The number of rows of each query: [q]."""
        return np.diff(self.bounds)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Repeat a value of each query [q] for each of its rows: [n]."""
        return np.repeat(values, self.lengths)

    @cached_property
    def places(self) -> np.ndarray:
        """The place of each row within its query, from 0: [n]."""
        return np.arange(self.bounds[-1]) - self.spread(self.starts)

    def heads(self, n: int) -> np.ndarray:
        """The rows of the first `n` places of each query, in order."""
        counts = np.minimum(self.lengths, n)
        return (
            np.repeat(self.starts, counts)
            + np.arange(counts.sum())
            - np.repeat(np.cumsum(counts) - counts, counts)
        )

    def reduced(self, how: np.ufunc, values: np.ndarray) -> np.ndarray:
        """Reduce the values [n] of each query with `how` (np.add, np.minimum, np.maximum): [q]."""
        return how.reduceat(values, self.starts) if len(self) else values[:0]

    def deviation(self, values: np.ndarray) -> np.ndarray:
        """The standard deviation of each query's finite values [n]: [q]. 0 if there is none."""
        is_finite = np.isfinite(values)
        count = np.maximum(self.reduced(np.add, is_finite.astype(np.int64)), 1)
        given = np.where(is_finite, values, 0).astype(np.float64)
        mean = self.reduced(np.add, given) / count
        apart = np.where(is_finite, given - self.spread(mean), 0)
        return np.sqrt(self.reduced(np.add, apart * apart) / count)

    def ordered(self, keys: np.ndarray, n: int | None = None) -> np.ndarray:
        """Rows, query by query, in ascending order of their keys. Ties keep the order of the rows.

        Args:
            keys: [rows] of fp32 (NaN and infinite values last) or uint32.
            n: maximum rows of each query. Null: all.

        Returns:
            Rows of the pool.
        """
        rows = np.concatenate(
            [np.empty(0, dtype=np.int64), *(self._ordered(keys, block) for block in self.blocks())]
        )
        return rows if n is None else rows[self.heads(n)]

    def blocks(self, rows: int = ROWS_PER_BLOCK) -> Iterator[slice]:
        """Groups of queries with about `rows` rows each, so temporary arrays stay small."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.bounds, self.bounds[first] + rows, side="right")) - 1
            last = min(max(last, first + 1), len(self))
            yield slice(first, last)
            first = last

    def _ordered(self, keys: np.ndarray, block: slice) -> np.ndarray:
        """The sorted rows of a group of queries. Query number, key and place form one sortable
        integer.
        """
        first, lengths = self.bounds[block.start], self.lengths[block]
        starts = np.repeat(self.bounds[block], lengths)
        query = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
        place = np.arange(first, first + len(starts)) - starts
        bits = int(lengths.max() - 1).bit_length()
        ranked = sortable(keys[first : first + len(starts)])
        if bits + int(len(lengths) - 1).bit_length() > 64 - KEY_BITS:
            return first + np.lexsort((ranked, query))
        packed = (
            (query << np.uint64(KEY_BITS + bits))
            | (ranked.astype(np.uint64) << np.uint64(bits))
            | place.astype(np.uint64)
        )
        packed.sort()
        return starts + (packed & np.uint64((1 << bits) - 1)).astype(np.int64)


def run_starts(ids: pl.Series) -> np.ndarray:
    """Rows at which the id changes."""
    return np.flatnonzero((ids != ids.shift()).fill_null(True).to_numpy())


def sortable(keys: np.ndarray) -> np.ndarray:
    """fp32 keys as uint32 of the same order. NaN is the greatest."""
    if keys.dtype == np.uint32:
        return keys
    numbers = np.where(
        np.isnan(keys), np.float32(np.nan), keys.astype(np.float32) + np.float32(0)
    )  # -0 is 0
    raw = np.ascontiguousarray(numbers, dtype=np.float32).view(np.uint32)
    return np.where(raw & SIGN, ~raw, raw | SIGN)
