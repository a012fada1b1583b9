"""random: candidates drawn uniformly from the window of ranks (ANCE, arXiv 2007.00808: from the
top 200).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.lots import lots, pair_keys


def random(
    pool: pl.DataFrame, draws: str, *, seed: int, n: Annotated[int, Field(ge=1)] = 4
) -> pl.DataFrame:
    """`n` candidates of every query without duplicates, in draw order.

    Each pair has its own random number, so removing a candidate does not affect the others.

    Args:
        pool: query_id, doc_id and more, each query's candidates together.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        n: negatives per query. [Hone default]

    Returns:
        The chosen rows of the pool.
    """
    drawn = lots(pair_keys(pool), seed, draws, "sample.choose.random", bits=32)
    return pool[Segments.of(pool).ordered(drawn, n)]
