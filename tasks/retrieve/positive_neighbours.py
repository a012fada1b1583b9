"""positive-neighbours: the documents nearest to the labelled positives, document to document
(ANCE-Tele, arXiv 2210.17167).

These are its "look-ahead" negatives: as training moves a query towards its positive, it approaches
the positive's neighbors.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from hone.data.labels import positives_of
from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from hone.encoders.search import as_table, nearest
from hone.layout import PAIR


def positive_neighbours(
    queries: pl.DataFrame,
    documents: Documents,
    labels: pl.DataFrame,
    models: Models,
    *,
    depth: Annotated[int, Field(ge=1)] = 200,
    model: str | None = None,
    revision: str | None = None,
) -> pl.DataFrame:
    """The `depth` documents nearest to a labelled positive of every query, without its positives
    themselves.

    Each positive ranks its neighbors separately. A document ranked by several positives gets its
    best rank [Hone default]. A query without a labelled positive has no candidates.

    Args:
        queries: query_id.
        documents: the collection.
        labels: query_id, doc_id, label: labels of the training queries.
        models: the available encoders.
        depth: candidates per query. 200 in the authors' code, which draws 30 of them. [authors'
            code]
        model: a teacher. Null: the round's starting model, as in the authors' code. [authors' code]
        revision: revision of a teacher on the Hub. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1, by best rank; ties: the nearer first), score (inner product
        in fp32 of the document and the positive that ranks it best, of unit vectors if the model
        uses cosine).
    """
    ids = documents.ids
    positives = positives_of(labels).select(*PAIR).unique(maintain_order=True)
    places = pl.DataFrame({"doc_id": ids}).with_row_index("row")
    known = positives.join(queries, on="query_id", how="semi", maintain_order="left").join(
        places, on="doc_id", maintain_order="left"
    )
    if known.is_empty():
        return as_table(
            queries["query_id"],
            ids,
            np.empty((len(queries), 0)),
            np.empty((len(queries), 0), dtype=np.int64),
        )
    vectors = models.encoder(model).documents(documents)
    rows = known["row"].unique().sort()
    # Additional depth for documents that are removed again: a query's own positives.
    own = int(known.group_by("query_id").len()["len"].max())
    scores, found = nearest(vectors.take(rows.to_numpy()), vectors, depth + own)
    return merged(
        known,
        as_table(ids.gather(rows), ids, scores, found).rename({"query_id": "positive"}),
        queries,
        depth,
    )


def merged(
    known: pl.DataFrame, neighbours: pl.DataFrame, queries: pl.DataFrame, depth: int
) -> pl.DataFrame:
    """Each query's first `depth` neighbors of its positives by best rank, without its positives.

    Args:
        known: query_id, doc_id: the labelled positives.
        neighbours: positive, doc_id, rank, score: the neighbors of each positive.
        queries: query_id, in order.
        depth: maximum number of neighbors.
    """
    place = queries.select("query_id").with_row_index("place")
    return (
        known.select("query_id", positive="doc_id")
        .join(neighbours, on="positive", maintain_order="left_right")
        .join(known, on=PAIR, how="anti", maintain_order="left")
        .with_columns(rank=pl.int_range(pl.len()).over("query_id", "positive"))
        .join(place, on="query_id", maintain_order="left")
        .sort("place", "rank", "score", descending=[False, False, True], maintain_order=True)
        .unique(PAIR, keep="first", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("query_id"))
        .filter(pl.col("rank") <= depth)
        .select(*PAIR, "rank", "score")
    )
