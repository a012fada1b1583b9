"""pool: the newest model ranks inside a pool of documents that an earlier model found, and encodes nothing else.

For collections whose encoding is most of a round's cost: the model of r0 reads the collection once, ever; a middle round reads anew
only the union of what that model retrieves for the training queries. That saves something where nothing else has the round's model
read the whole collection: it is trained on and not in `evaluate_on`, and the round's `train` says `dev_scores: false`. Ours.
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

COMPARES_QUERIES = True  # its encoder compares queries with documents, and so may score candidates
READS_WITHIN = "depth"  # the parameter that says how many documents of each query its encoder reads at most; the base model reads all


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
    """The `candidates` documents nearest to every query among those that the base model finds for any query within `depth`.

    Args:
        queries: query_id, text.
        documents: the collection.
        models: where encoders come from.
        round: who asks, for the message.
        start: written `from`: the round whose model pools. Only r0: its vectors are in the store already when a round mines, and those of a
            round between would have to be made of the whole collection, which is what this saves. [Hone default]
        depth: documents of each query that are pooled. [Hone default]
        candidates: a query. [Hone default]
        model: who ranks inside the pool: a teacher; null: the round's starting model. [Hone default]
        revision: of a teacher from the Hub. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1), score (inner product in fp32 by the model that ranks; of unit vectors where it compares
        by cosine). Where `depth` is the size of the collection, what `dense` gives.
    """
    texts = queries["text"].to_list()
    base = models.base()
    wanted = documents.ids.filter(pl.Series(within(base.queries(texts), base.documents(documents), depth)))
    say(f"retrieve {round}: pool: {len(wanted):,} of {len(documents):,} documents are within {depth:,} of a training query by r0")
    encoder = models.encoder(model)
    pooled, vectors = encoder.documents_of(documents, wanted)
    return as_table(queries["query_id"], pooled, *nearest(encoder.queries(texts), vectors, candidates))


def within(queries: Vectors, documents: Vectors, depth: int) -> np.ndarray:
    """Of every document, whether it is among the `depth` nearest of any query: array [m] of bool."""
    found = np.zeros(len(documents), dtype=bool)
    for start in range(0, len(queries), QUERIES_PER_BLOCK):
        _, rows = nearest(queries.part(slice(start, start + QUERIES_PER_BLOCK)), documents, depth)
        found[rows] = True
    return found


def refuse_unfit(parameters: dict[str, Any]) -> None:
    """Raises Refused for a round whose model has not read the collection."""
    if parameters["from"] != BASE:
        raise Refused(f"pool: `from` is '{parameters['from']}', and only {BASE} can pool: no later model has read the whole collection.")
