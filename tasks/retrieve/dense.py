"""dense: the nearest documents of a query in an embedding space, by exact search.

The encoder is the round's starting model (ANCE, Xiong et al., arXiv 2007.00808: the current
checkpoint mines), or a teacher (NV-Retriever, arXiv 2407.15831: a stronger model mines).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from hone.data.tables import Documents
from hone.encoders.round_encoders import Models
from hone.encoders.search import as_table, nearest

COMPARES_QUERIES = True  # its encoder compares queries with documents, so it can score candidates


def dense(
    queries: pl.DataFrame,
    documents: Documents,
    models: Models,
    *,
    depth: Annotated[int, Field(ge=1)] = 100,
    model: str | None = None,
    revision: str | None = None,
) -> pl.DataFrame:
    """The `depth` nearest documents of every query.

    Args:
        queries: query_id, text.
        documents: the collection.
        models: the available encoders.
        depth: candidates per query. ANCE's code uses 200. [Hone default]
        model: a teacher. Null: the round's starting model. [Hone default]
        revision: revision of a teacher on the Hub. [Hone default]

    Returns:
        query_id, doc_id, rank (from 1), score (inner product in fp32, of unit vectors if the model
        uses cosine).
    """
    encoder = models.encoder(model)
    found = nearest(encoder.queries(queries["text"].to_list()), encoder.documents(documents), depth)
    return as_table(queries["query_id"], documents.ids, *found)
