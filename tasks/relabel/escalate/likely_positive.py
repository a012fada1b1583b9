"""likely-positive: the pairs that are probably relevant, of all queries. Relevant pairs are the
rare class.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field


def likely_positive(
    said: pl.DataFrame, *, at_least: Annotated[float, Field(ge=0, le=1)] = 0.5
) -> pl.DataFrame:
    """Pairs that are escalated to the next judge.

    Args:
        said: query_id, doc_id, verdict, probability.
        at_least: minimum probability of an escalated pair; without a probability the verdict
            decides. [Hone default]

    Returns:
        query_id, doc_id.
    """
    likely = (
        pl.when(pl.col("probability").is_null())
        .then(pl.col("verdict") == "positive")
        .otherwise(pl.col("probability") >= at_least)
    )
    return said.filter(likely).select("query_id", "doc_id")
