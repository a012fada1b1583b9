"""random: candidates drawn uniformly from those in the window of ranks (ANCE, arXiv 2007.00808: of the top 200)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from tasks.sample.segments import Segments
from tasks.seeds import generator


def random(pool: pl.DataFrame, round: str, *, seed: int, n: Annotated[int, Field(ge=1)] = 4) -> pl.DataFrame:
    """`n` candidates of every query, none twice, in the order drawn.

    Args:
        pool: query_id, doc_id and more, each query's candidates together.
        round: each round draws anew.
        seed: from params.yaml.
        n: negatives a query. [Hone default]

    Returns:
        The rows of the pool that are chosen.
    """
    drawn = generator(seed, round, "sample.choose.random").integers(1 << 32, size=len(pool), dtype=np.uint32)
    return pool[Segments.of(pool).ordered(drawn, n)]
