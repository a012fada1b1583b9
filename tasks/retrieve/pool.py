"""pool: the current model ranks only a pool of documents that the base model retrieved, and encodes
nothing else.

For collections whose encoding dominates a round's cost: the model of r0 encodes the collection
once. A later round only encodes the union of the documents that r0 retrieves for the training
queries. You save time only if no other step makes the round's model encode the whole collection: it
is not in `evaluate_on`, and `train` sets `dev_scores: false`. A Hone method.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from hone.encoders.search import QUERIES_PER_BLOCK, as_table, nearest
from hone.encoders.store import Vectors
from hone.errors import Refused
from hone.layout import BASE
from hone.stage import say

COMPARES_QUERIES = True  # its encoder compares queries with documents, so it can score candidates
# the parameter with the maximum number of documents per query that its encoder reads; the base
# model reads all
READS_WITHIN = "depth"


def pool(
    queries: pl.DataFrame,
    documents: Documents,
    models: Models,
    round: str,
    *,
    start: Annotated[str, Field(alias="from")] = BASE,
    depth: Annotated[int, Field(ge=1)] = 1000,
    candidates: Annotated[int, Field(ge=1)] = 100,
    model: str | None = None,
    revision: str | None = None,
) -> pl.DataFrame:
    """The `candidates` nearest documents of every query among those that the base model ranks
    within `depth` for any query.

    Args:
        queries: query_id, text.
        documents: the collection.
        models: the available encoders.
        round: the round's name, for the message.
        start: written `from`: the round whose model selects the pool. Only r0, because its vectors
            are already cached. Vectors of a later round would require encoding the whole
            collection, which this method avoids. [Hone default]
        depth: pooled documents of each query. [Hone default]
        candidates: candidates per query. [Hone default]
        model: the model that ranks the pool: a teacher. Null: the round's starting model. [Hone
            default]
        revision: revision of a teacher on the Hub. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1), score (inner product in fp32 by the ranking model, of unit
        vectors if it uses cosine). If `depth` is the size of the collection, the result equals
        `dense`.
    """
    texts = queries["text"].to_list()
    base = models.base()
    wanted = documents.ids.filter(
        pl.Series(within(base.queries(texts), base.documents(documents), depth))
    )
    say(
        f"retrieve {round}: pool: {len(wanted):,} of {len(documents):,} documents are within "
        f"{depth:,} of a training query by r0"
    )
    encoder = models.encoder(model)
    pooled, vectors = encoder.documents_of(documents, wanted)
    return as_table(
        queries["query_id"], pooled, *nearest(encoder.queries(texts), vectors, candidates)
    )


def within(queries: Vectors, documents: Vectors, depth: int) -> np.ndarray:
    """Whether each document is among the `depth` nearest of any query: array [m] of bool."""
    found = np.zeros(len(documents), dtype=bool)
    for start in range(0, len(queries), QUERIES_PER_BLOCK):
        _, rows = nearest(queries.part(slice(start, start + QUERIES_PER_BLOCK)), documents, depth)
        found[rows] = True
    return found


def refuse_unfit(parameters: dict[str, Any]) -> None:
    """Raise Refused for a round whose model has not encoded the collection."""
    if parameters["from"] != BASE:
        raise Refused(
            f"pool: `from` is '{parameters['from']}', but only {BASE} can pool, because no later "
            "model has encoded the whole "
            f"collection. Write `from: {BASE}`."
        )
