"""top: the candidates of best rank (naive hard negatives; the first of them are the ones most often false)."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from tasks.sample.segments import Segments


def top(pool: pl.DataFrame, *, n: Annotated[int, Field(ge=1)] = 4) -> pl.DataFrame:
    """The first `n` candidates of every query.

    Args:
        pool: query_id, doc_id and more, each query's candidates in order.
        n: negatives a query.

    Returns:
        The rows of the pool that are chosen, in their order.
    """
    return pool[Segments.of(pool).heads(n)]
