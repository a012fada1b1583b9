"""extremes: every pair but those at the two ends of this judge's order, which are mostly outliers that teach a next judge's reader nothing.

"To Softmax, or not to Softmax" (active learning for transformers) finds that methods are too good at finding the most uncertain samples,
which are outliers, and ignores a share of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.errors import Refused


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused where both ends together are everything."""
    if parameters["low"] + parameters["high"] >= 1:
        raise Refused(f"extremes: low {parameters['low']:g} and high {parameters['high']:g} leave nothing: their sum must be below 1.")


def extremes(
    said: pl.DataFrame,
    *,
    low: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    high: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    by: Literal["suspicion", "doubt"] = "suspicion",
) -> pl.DataFrame:
    """Pairs that go on to the next judge. Those that are left out keep this judge's verdict.

    Ordered ascending by a value v, the first floor(low n) and the last floor(high n) of n pairs are left out; of equal values those
    that come first count as lower.

    Args:
        said: query_id, doc_id, verdict, grade, probability.
        low: share left out at the lower end. [Hone default]
        high: share left out at the upper end. [Hone default]
        by: v: `suspicion` is the probability, else the grade, else the verdict; `doubt` is -abs(p - 1/2), so that the upper end is
            what the judge is least sure of (the paper's heuristic: low 0). [Hone default]

    Returns:
        query_id, doc_id, in the order given. A pair that this judge could not say goes on, and does not count among the n.
    """
    told = said.with_row_index("row").filter(pl.col("verdict").cast(pl.String) != "unknown")
    found = (pl.col("verdict").cast(pl.String) == "positive").cast(pl.Float32)
    value = pl.coalesce("probability", "grade", found) if by == "suspicion" else -(pl.coalesce("probability", found) - 0.5).abs()
    ordered = told.with_columns(value=value).sort("value", maintain_order=True)["row"]
    count = len(ordered)
    left_out = pl.concat([ordered.head(int(low * count)), ordered.tail(int(high * count))])
    return said.with_row_index("row").filter(~pl.col("row").is_in(left_out.implode())).select("query_id", "doc_id")
