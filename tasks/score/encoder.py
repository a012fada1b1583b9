"""encoder: how near a bi-encoder finds a candidate to its query, or to the query's known positives.

The encoder that retrieved scores by itself (ANCE, arXiv 2007.00808; NV-Retriever, arXiv 2407.15831); this adds any other,
as a guide that a filter may compare by (`positive-aware: {scorer: "encoder:NAME"}`).
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from hone.data.training_set import TrainingCollection
from hone.encoders.round_encoders import Models
from hone.encoders.search import pair_scores, rows_of


def encoder(
    pairs: pl.DataFrame,
    positives: pl.DataFrame,
    collection: TrainingCollection,
    models: Models,
    *,
    to: Literal["query", "positives"] = "query",
    model: str | None = None,
    revision: str | None = None,
) -> pl.DataFrame:
    """The encoder's similarity (inner product in fp32; cosine where the model compares so) of pairs of the collection.

    Args:
        pairs: query_id, doc_id; those of other collections are left out.
        positives: query_id, doc_id: known positives.
        collection: where texts come from.
        models: where encoders come from.
        to: what a document is compared with: its query, or the known positive that it is most like. A known positive is most like itself,
            which gives 1 by cosine: a `share` of .8 then means a similarity of .8. The maximum is Hone's choice. [Hone default]
        model: a teacher; null: the round's starting model. [Hone default]
        revision: of a teacher from the Hub. [Hone default]

    Returns:
        query_id, doc_id, score.
    """
    queries = collection.queries().join(pairs, on="query_id", how="semi", maintain_order="left").select("query_id", "text")
    here = pairs.join(queries, on="query_id", how="semi", maintain_order="left").select("query_id", "doc_id")
    used = models.encoder(model)
    if to == "query":
        doc_ids, documents = used.documents_of(collection.documents, here["doc_id"].unique())
        asked = used.queries(queries["text"].to_list())
        return here.with_columns(score=pl.Series(pair_scores(asked, documents, rows_of(here, queries["query_id"], doc_ids))))
    known = positives.join(here, on="query_id", how="semi", maintain_order="left").select("query_id", known="doc_id")
    compared = here.join(known, on="query_id", how="inner", maintain_order="left")
    doc_ids, documents = used.documents_of(collection.documents, pl.concat([compared["doc_id"], compared["known"]]).unique())
    scores = pair_scores(documents, documents, rows_of(compared.select("known", "doc_id"), doc_ids, doc_ids))
    return compared.with_columns(score=pl.Series(scores)).group_by("query_id", "doc_id", maintain_order=True).agg(pl.col("score").max())
