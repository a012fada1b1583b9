"""The pool that negatives are drawn from: each candidate of a query once, and a record of each that leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from hone.data.pair_lookup import hashed, where
from hone.data.query_groups import run_starts
from hone.layout import PAIR


def merged(candidates: pl.DataFrame) -> pl.DataFrame:
    """Each document of a query once, with the source that ranked it best (of equals the first in the recipe).

    Args:
        candidates: query_id, doc_id, source, rank, score; one row for each source that found a pair.

    Returns:
        The same columns, each query's documents together in the order of their best rank, queries as they were found.
    """
    order = by_query_and_rank(candidates)
    rows = candidates if order is None else candidates[order]
    ((keys, _),) = hashed(rows)
    first = pl.Series(keys).is_first_distinct()
    if first.all():
        return rows
    kept, again = rows.filter(first), rows.filter(~first)
    # A pair that shares its hash with another is none that was there before: then texts decide.
    return kept if (where(again, kept) >= 0).all() else rows.unique(PAIR, keep="first", maintain_order=True)


def by_query_and_rank(candidates: pl.DataFrame) -> np.ndarray | None:
    """The order of rows by query, as queries were found, and rank, equal ones as they were found; null where they stand so."""
    first = run_starts(candidates["query_id"])
    heads = candidates["query_id"].gather(first).to_frame()
    numbered = heads.unique(maintain_order=True).with_row_index("number")
    number = heads.join(numbered, on="query_id", how="left", maintain_order="left")["number"]
    query = np.repeat(number.to_numpy().astype(np.int64), np.diff(np.append(first, len(candidates))))
    keys = (query << 32) + candidates["rank"].to_numpy()
    return None if (keys[:-1] <= keys[1:]).all() else np.argsort(keys, kind="stable")


@dataclass
class Pool:
    """Candidates that are still in, and rows for those that are out."""

    rows: pl.DataFrame
    removed: list[pl.DataFrame] = field(default_factory=list)

    def remove(self, rule: str, gone: pl.DataFrame) -> None:
        """Take out the pairs of `gone` (query_id, doc_id, detail), noting the rule.

        A row whose doc_id is null takes the whole query: a row says so, and one more for each candidate that goes along.
        """
        whole = gone["doc_id"].is_null()
        named, leave = gone.filter(~whole).select(*PAIR, "detail"), gone.filter(whole).select(*PAIR, "detail")
        leave = leave.unique("query_id", keep="first", maintain_order=True)
        leave = leave.join(self.left, on="query_id", how="anti", maintain_order="left")
        along = self.rows["query_id"].is_in(leave["query_id"].implode()).to_numpy()
        at = where(named, self.rows)  # no row is found in an empty pool
        first = (at >= 0) & pl.Series(at).is_first_distinct().to_numpy()
        first[first] = ~along[at[first]]
        self.removed.append(
            pl.concat([leave, self._along(leave, along), named.filter(first)]).select(*PAIR, rule=pl.lit(rule), detail="detail")
        )
        stays = ~along
        stays[at[first]] = False
        self.rows = self.rows.filter(stays)

    def _along(self, leave: pl.DataFrame, along: np.ndarray) -> pl.DataFrame:
        rows = self.rows.filter(along).select(PAIR)
        told = rows.join(leave.select("query_id", "detail"), on="query_id", how="left", maintain_order="left")
        return told.with_columns(detail=pl.format("its query leaves: {}", "detail"))

    @property
    def left(self) -> pl.DataFrame:
        """query_id and rule of the queries that left."""
        gone = [part.filter(pl.col("doc_id").is_null()).select("query_id", "rule") for part in self.removed]
        return pl.concat([pl.DataFrame(schema={"query_id": pl.String, "rule": pl.String}), *gone])
