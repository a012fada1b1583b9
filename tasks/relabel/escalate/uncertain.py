"""uncertain: the pairs whose probability is in a band, and those with an unknown verdict."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field


def uncertain(
    said: pl.DataFrame,
    *,
    low: Annotated[float, Field(ge=0, le=1)] = 0.2,
    high: Annotated[float, Field(ge=0, le=1)] = 0.8,
) -> pl.DataFrame:
    """Pairs that are escalated to the next judge.

    Args:
        said: query_id, doc_id, verdict, probability.
        low, high: the band, both ends included. Without probabilities, only unknown verdicts are
            escalated. [Hone default]

    Returns:
        query_id, doc_id.
    """
    within = pl.col("probability").is_between(low, high).fill_null(False)
    return said.filter(within | (pl.col("verdict") == "unknown")).select("query_id", "doc_id")
