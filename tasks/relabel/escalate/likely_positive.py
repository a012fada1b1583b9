"""likely-positive: the pairs of the rare class: what is probably an answer, whoever its query is."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field


def likely_positive(said: pl.DataFrame, *, at_least: Annotated[float, Field(ge=0, le=1)] = 0.5) -> pl.DataFrame:
    """Pairs that go on to the next judge.

    Args:
        said: query_id, doc_id, verdict, probability.
        at_least: the probability from which a pair goes on; where the judge has none, its verdict decides. [Hone default]

    Returns:
        query_id, doc_id.
    """
    likely = pl.when(pl.col("probability").is_null()).then(pl.col("verdict") == "positive").otherwise(pl.col("probability") >= at_least)
    return said.filter(likely).select("query_id", "doc_id")
