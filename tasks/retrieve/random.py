"""random: documents drawn from the whole collection, the baseline for every mined negative."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.tables import Documents
from hone.mining.random_documents import random_documents


def random(
    queries: pl.DataFrame,
    documents: Documents,
    draws: str,
    *,
    seed: int,
    depth: Annotated[int, Field(ge=1)] = 20,
) -> pl.DataFrame:
    """`depth` documents for every query, drawn uniformly without replacement.

    Args:
        queries: query_id, text.
        documents: the collection.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        depth: candidates per query. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1, in draw order), score (0, because nothing compared them).
    """
    return random_documents(queries, documents, draws, seed=seed, depth=depth)
