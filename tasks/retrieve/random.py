"""random: documents drawn from the whole collection, the control that every mined negative is held against."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.tables import Documents
from hone.mining.random_documents import random_documents


def random(queries: pl.DataFrame, documents: Documents, draws: str, *, seed: int, depth: Annotated[int, Field(ge=1)] = 20) -> pl.DataFrame:
    """`depth` documents of every query, uniformly, none twice.

    Args:
        queries: query_id, text.
        documents: the collection.
        draws: what is drawn for: rounds that start from the same round share it.
        seed: from params.yaml.
        depth: candidates a query. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1, in the order drawn), score (0: nothing compared them).
    """
    return random_documents(queries, documents, draws, seed=seed, depth=depth)
