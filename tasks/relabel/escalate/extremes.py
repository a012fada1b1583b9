"""extremes: all pairs except those at both ends of this judge's order, which are mostly outliers.

"To Softmax, or not to Softmax" (active learning for transformers) reports that active learning
methods select the most uncertain samples too well: these are outliers. It ignores a fraction of
them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from hone.errors import Refused


def refuse_unfit(parameters: dict) -> None:
    """Raises Refused if both ends together contain all pairs."""
    if parameters["low"] + parameters["high"] >= 1:
        raise Refused(
            f"extremes: low {parameters['low']:g} and high {parameters['high']:g} leave no pairs. "
            "Their sum must be below 1."
        )


def extremes(
    said: pl.DataFrame,
    *,
    low: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    high: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    by: Literal["suspicion", "doubt"] = "suspicion",
) -> pl.DataFrame:
    """Pairs that are escalated to the next judge. Excluded pairs keep this judge's verdict.

    n pairs are ordered by ascending value v. The first floor(low n) and the last floor(high n) are
    excluded. Ties keep their order.

    Args:
        said: query_id, doc_id, verdict, grade, probability.
        low: fraction excluded at the lower end. [Hone default]
        high: fraction excluded at the upper end. [Hone default]
        by: v: `suspicion` is the probability, else the grade, else the verdict; `doubt` is -abs(p -
            1/2), so that the upper end has the least confident pairs (the paper's heuristic: low
            0). [Hone default]

    Returns:
        query_id, doc_id, in the order given. A pair with an unknown verdict is escalated, and is
        not one of the n.
    """
    answered = said.with_row_index("row").filter(pl.col("verdict").cast(pl.String) != "unknown")
    found = (pl.col("verdict").cast(pl.String) == "positive").cast(pl.Float32)
    value = (
        pl.coalesce("probability", "grade", found)
        if by == "suspicion"
        else -(pl.coalesce("probability", found) - 0.5).abs()
    )
    ordered = answered.with_columns(value=value).sort("value", maintain_order=True)["row"]
    count = len(ordered)
    left_out = pl.concat([ordered.head(int(low * count)), ordered.tail(int(high * count))])
    return (
        said.with_row_index("row")
        .filter(~pl.col("row").is_in(left_out.implode()))
        .select("query_id", "doc_id")
    )
