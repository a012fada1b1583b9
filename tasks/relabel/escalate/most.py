"""most: a fixed number of pairs, the most suspicious first, so that the next judge's cost is
known beforehand.
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field


def most(
    said: pl.DataFrame,
    *,
    pairs: Annotated[int, Field(ge=1)] = 100,
    per_query: Annotated[int, Field(ge=1)] | None = None,
    among: Literal["all", "found", "not-found"] = "all",
) -> pl.DataFrame:
    """Pairs that are escalated to the next judge.

    Args:
        said: query_id, doc_id, grade, probability, verdict.
        pairs: maximum number in the whole round. [Hone default]
        per_query: maximum number per query; null: no limit. [Hone default]
        among: all pairs; `found`: pairs that this judge found, to be confirmed; `not-found`: the
            others, so that the next judge finds what this judge missed, and does not reverse its
            positives. [Hone default]

    Returns:
        query_id, doc_id: by probability, or by grade if there is none; ties keep their order.
    """
    hit = pl.col("verdict") == "positive"
    wanted = said.filter({"all": pl.lit(True), "found": hit, "not-found": ~hit}[among])
    suspicion = pl.coalesce("probability", "grade", hit.cast(pl.Float32))
    ordered = wanted.with_columns(suspicion=suspicion).sort(
        "suspicion", descending=True, nulls_last=True, maintain_order=True
    )
    if per_query:
        ordered = ordered.filter(pl.int_range(pl.len()).over("query_id") < per_query)
    return ordered.head(pairs).select("query_id", "doc_id")
