"""random: candidates drawn uniformly from those in the window of ranks (ANCE, arXiv 2007.00808: of the top 200)."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from tasks.seeds import generator


def random(pool: pl.DataFrame, round: str, *, seed: int, n: Annotated[int, Field(ge=1)] = 4) -> pl.DataFrame:
    """`n` candidates of every query, none twice, in the order drawn.

    Args:
        pool: query_id, doc_id and more.
        round: each round draws anew.
        seed: from params.yaml.
        n: negatives a query.

    Returns:
        The rows of the pool that are chosen.
    """
    drawn = pl.Series("drawn", generator(seed, round, "sample.choose.random").random(len(pool)))
    first = pl.col("row").min().over("query_id")
    return (
        pool.with_row_index("row")
        .with_columns(drawn, first=first)
        .sort("first", "drawn", "row")
        .filter(pl.int_range(pl.len()).over("query_id") < n)
        .drop("row", "first", "drawn")
    )
