"""Documents drawn at random: what mined negatives are held against, and what fills up where too few were mined."""

from __future__ import annotations

import numpy as np
import polars as pl

from hone.config.stage_settings import RoundSettings
from hone.data.tables import Documents
from hone.data.training_set import TrainingSet
from hone.encoders.search import as_table
from hone.seeds import generator

CELLS = 8_000_000  # of a block of permutations in memory


def random_documents(queries: pl.DataFrame, documents: Documents, draws: str, *, seed: int, depth: int) -> pl.DataFrame:
    """`depth` documents of every query, uniformly, none twice.

    Args:
        queries: query_id, text.
        documents: the collection.
        draws: what is drawn for: rounds that start from the same round share it.
        seed: from params.yaml.
        depth: documents a query; of a smaller collection all of them.

    Returns:
        query_id, doc_id, rank (from 1, in the order drawn), score (0: nothing compared them).
    """
    count, depth = len(documents), min(depth, len(documents))
    rows = distinct(generator(seed, draws, "retrieve.random"), len(queries), count, depth)
    return as_table(queries["query_id"], documents.ids, np.zeros(rows.shape, dtype=np.float32), rows)


def distinct(draw: np.random.Generator, rows: int, count: int, depth: int) -> np.ndarray:
    """Array [rows, depth] of whole numbers below `count`, none twice in a row."""
    if depth * depth > count:  # drawing again until none is doubled would take long
        per_block = max(1, CELLS // count)
        blocks = [
            draw.permuted(np.tile(np.arange(count), (min(per_block, rows - start), 1)), axis=1)[:, :depth]
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


# Random documents drawn for each negative that a short query lacks, so that the guards may refuse some.
DRAWN_FOR_ONE = 4


def random_queries(short: pl.DataFrame, training: TrainingSet, depth: int, settings: RoundSettings) -> pl.DataFrame:
    """Random documents for queries, each from its own collection; a query's are the same whichever others are short."""
    drawn = [
        random_documents(collection.queries(), collection.documents, f"{settings.draws} fill", seed=settings.seed, depth=depth)
        for collection in training
    ]
    return pl.concat(drawn).join(short, on="query_id", how="semi", maintain_order="left")
