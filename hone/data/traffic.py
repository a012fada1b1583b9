"""The traffic of evaluation queries: how often users searched for each, from a click log."""

from __future__ import annotations

import polars as pl

from hone.data import tables
from hone.layout import collection_table


def read_traffic(collection: str, split: str) -> pl.DataFrame | None:
    """query_id, searches of the queries of a split. Null if the source does not know them."""
    file = collection_table(collection, "traffic", split)
    return tables.read("traffic", file) if file.exists() else None


def weights_of(query_ids: pl.Series, traffic: pl.DataFrame) -> pl.Series | None:
    """The number of searches of each query, in the order of `query_ids`. 0 if it is unknown. Null
    if all are 0, because nothing can then be weighted.
    """
    found = query_ids.to_frame("query_id").join(
        traffic, on="query_id", how="left", maintain_order="left"
    )["searches"]
    searches = found.fill_null(0).cast(pl.Float64)
    return searches if searches.sum() > 0 else None
