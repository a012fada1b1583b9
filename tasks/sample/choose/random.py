"""random: candidates drawn uniformly from those in the window of ranks (ANCE, arXiv 2007.00808: of the top 200)."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.query_groups import Segments
from hone.lots import lots, pair_keys


def random(pool: pl.DataFrame, draws: str, *, seed: int, n: Annotated[int, Field(ge=1)] = 4) -> pl.DataFrame:
    """`n` candidates of every query, none twice, in the order drawn.

    Each pair has a lot of its own, so that a candidate that a rule removes changes no other's.

    Args:
        pool: query_id, doc_id and more, each query's candidates together.
        draws: what is drawn for: rounds that start from the same round share it.
        seed: from params.yaml.
        n: negatives a query. [Hone default]

    Returns:
        The rows of the pool that are chosen.
    """
    drawn = lots(pair_keys(pool), seed, draws, "sample.choose.random", bits=32)
    return pool[Segments.of(pool).ordered(drawn, n)]
