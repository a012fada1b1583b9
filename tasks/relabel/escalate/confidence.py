"""confidence: the pairs on which the judge is not confident (Hendrycks and Gimpel, arXiv
1610.02136: the maximum probability).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field


def confidence(
    said: pl.DataFrame, *, below: Annotated[float, Field(gt=0.5, le=1)] = 0.9
) -> pl.DataFrame:
    """Pairs that are escalated to the next judge.

    Args:
        said: query_id, doc_id, verdict, probability.
        below: t: a pair is escalated if max(p, 1 - p) < t, or if it has no probability. [Hone
            default]

    Returns:
        query_id, doc_id.
    """
    sure = pl.max_horizontal(pl.col("probability"), 1 - pl.col("probability"))
    return said.filter((sure < below).fill_null(True)).select("query_id", "doc_id")
