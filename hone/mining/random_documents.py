"""Random documents: a baseline for mined negatives, and padding for queries with too few of
them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.config.stage_settings import RoundSettings
from hone.data.tables import Documents
from hone.data.training_set import TrainingSet
from hone.encoders.search import as_table
from hone.seeds import generator

CELLS = 8_000_000  # permutations in memory at once


def random_documents(
    queries: pl.DataFrame, documents: Documents, draws: str, *, seed: int, depth: int
) -> pl.DataFrame:
    """`depth` documents for every query, drawn uniformly without replacement.

    Args:
        queries: query_id, text.
        documents: the collection.
        draws: the random stream. Rounds with the same start round share it.
        seed: from params.yaml.
        depth: documents per query. All documents if the collection is smaller.

    Returns:
        query_id, doc_id, rank (from 1, in draw order), score (0, because nothing compared them).
    """
    count, depth = len(documents), min(depth, len(documents))
    rows = distinct(generator(seed, draws, "retrieve.random"), len(queries), count, depth)
    return as_table(
        queries["query_id"], documents.ids, np.zeros(rows.shape, dtype=np.float32), rows
    )


def distinct(draw: np.random.Generator, rows: int, count: int, depth: int) -> np.ndarray:
    """Array [rows, depth] of integers below `count`, without duplicates in a row."""
    if depth * depth > count:  # rejection sampling would be slow here
        per_block = max(1, CELLS // count)
        blocks = [
            draw.permuted(np.tile(np.arange(count), (min(per_block, rows - start), 1)), axis=1)[
                :, :depth
            ]
            for start in range(0, rows, per_block)
        ]
        return np.concatenate(blocks) if blocks else np.empty((0, depth), dtype=np.int64)
    drawn = draw.integers(count, size=(rows, depth))
    while True:
        ordered = np.sort(drawn, axis=1)
        again = (ordered[:, 1:] == ordered[:, :-1]).any(1)
        if not again.any():
            return drawn
        drawn[again] = draw.integers(count, size=(int(again.sum()), depth))


# Random documents drawn for each missing negative, because the filters may remove some.
DRAWN_FOR_ONE = 4


def random_queries(
    short: pl.DataFrame, training: TrainingSet, depth: int, settings: RoundSettings
) -> pl.DataFrame:
    """Random documents for queries, each from its own collection. A query's documents do not
    depend on the other queries.
    """
    drawn = [
        random_documents(
            collection.queries(),
            collection.documents,
            f"{settings.draws} fill",
            seed=settings.seed,
            depth=depth,
        )
        for collection in training
    ]
    return pl.concat(drawn).join(short, on="query_id", how="semi", maintain_order="left")
