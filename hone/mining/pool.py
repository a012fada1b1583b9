"""The pool of candidates for negatives: each candidate of a query once, and a record of each
removal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from hone.data.pair_lookup import hashed, where
from hone.data.query_groups import run_starts
from hone.layout import PAIR


def merged(candidates: pl.DataFrame) -> pl.DataFrame:
    """Each document of a query once, with the source that ranked it best (ties: the first source in
    the recipe).

    Args:
        candidates: query_id, doc_id, source, rank, score. One row for each source that found a
            pair.

    Returns:
        The same columns, each query's documents in the order of their best rank, queries in their
        original order.
    """
    order = by_query_and_rank(candidates)
    rows = candidates if order is None else candidates[order]
    ((keys, _),) = hashed(rows)
    first = pl.Series(keys).is_first_distinct()
    if first.all():
        return rows
    distinct, again = rows.filter(first), rows.filter(~first)
    # If two pairs share a hash, the texts decide.
    return (
        distinct
        if (where(again, distinct) >= 0).all()
        else rows.unique(PAIR, keep="first", maintain_order=True)
    )


def by_query_and_rank(candidates: pl.DataFrame) -> np.ndarray | None:
    """The order of rows by query and rank, queries in their original order and ties as found.
    Null if already sorted.
    """
    first = run_starts(candidates["query_id"])
    heads = candidates["query_id"].gather(first).to_frame()
    numbered = heads.unique(maintain_order=True).with_row_index("number")
    number = heads.join(numbered, on="query_id", how="left", maintain_order="left")["number"]
    query = np.repeat(
        number.to_numpy().astype(np.int64), np.diff(np.append(first, len(candidates)))
    )
    keys = (query << 32) + candidates["rank"].to_numpy()
    return None if (keys[:-1] <= keys[1:]).all() else np.argsort(keys, kind="stable")


@dataclass
class Pool:
    """Remaining candidates, and rows for the removed ones."""

    rows: pl.DataFrame
    removed: list[pl.DataFrame] = field(default_factory=list)

    def remove(self, rule: str, removals: pl.DataFrame) -> None:
        """Remove the pairs of `removals` (query_id, doc_id, detail) and record the rule.

        A row with a null doc_id removes the whole query: one row for the query, and one for each of
        its candidates.
        """
        whole = removals["doc_id"].is_null()
        named, leave = (
            removals.filter(~whole).select(*PAIR, "detail"),
            removals.filter(whole).select(*PAIR, "detail"),
        )
        leave = leave.unique("query_id", keep="first", maintain_order=True)
        leave = leave.join(self.left, on="query_id", how="anti", maintain_order="left")
        along = self.rows["query_id"].is_in(leave["query_id"].implode()).to_numpy()
        at = where(named, self.rows)  # an empty pool has no rows to remove
        first = (at >= 0) & pl.Series(at).is_first_distinct().to_numpy()
        first[first] = ~along[at[first]]
        self.removed.append(
            pl.concat([leave, self._along(leave, along), named.filter(first)]).select(
                *PAIR, rule=pl.lit(rule), detail="detail"
            )
        )
        stays = ~along
        stays[at[first]] = False
        self.rows = self.rows.filter(stays)

    def _along(self, leave: pl.DataFrame, along: np.ndarray) -> pl.DataFrame:
        rows = self.rows.filter(along).select(PAIR)
        affected = rows.join(
            leave.select("query_id", "detail"), on="query_id", how="left", maintain_order="left"
        )
        return affected.with_columns(detail=pl.format("its query is removed: {}", "detail"))

    @property
    def left(self) -> pl.DataFrame:
        """query_id and rule of the removed queries."""
        removed_queries = [
            part.filter(pl.col("doc_id").is_null()).select("query_id", "rule")
            for part in self.removed
        ]
        return pl.concat(
            [pl.DataFrame(schema={"query_id": pl.String, "rule": pl.String}), *removed_queries]
        )
