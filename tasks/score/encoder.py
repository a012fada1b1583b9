"""encoder: similarity of a candidate to its query, or to the query's labelled positives, by a
bi-encoder.

The retrieving encoder scores its candidates anyway (ANCE, arXiv 2007.00808; NV-Retriever, arXiv
2407.15831). This method adds any other encoder, as a reference for filters
(`positive-aware: {scorer: "encoder:NAME"}`).
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
    """The encoder's similarity (inner product in fp32; cosine if the model uses it) for pairs of
    the collection.

    Args:
        pairs: query_id, doc_id. Pairs of other collections are skipped.
        positives: query_id, doc_id: labelled positives.
        collection: the source of the texts.
        models: the available encoders.
        to: compare a document with its query, or with the most similar labelled positive. The
            latter is the maximum over positives, a choice of Hone. A labelled positive then has
            cosine 1 with itself, so a `share` of 0.8 means a similarity of 0.8. [Hone default]
        model: a teacher. Null: the round's starting model. [Hone default]
        revision: revision of a teacher on the Hub. [Hone default]

    Returns:
        query_id, doc_id, score.
    """
    queries = (
        collection.queries()
        .join(pairs, on="query_id", how="semi", maintain_order="left")
        .select("query_id", "text")
    )
    here = pairs.join(queries, on="query_id", how="semi", maintain_order="left").select(
        "query_id", "doc_id"
    )
    used = models.encoder(model)
    if to == "query":
        doc_ids, documents = used.documents_of(collection.documents, here["doc_id"].unique())
        query_vectors = used.queries(queries["text"].to_list())
        return here.with_columns(
            score=pl.Series(
                pair_scores(query_vectors, documents, rows_of(here, queries["query_id"], doc_ids))
            )
        )
    known = positives.join(here, on="query_id", how="semi", maintain_order="left").select(
        "query_id", known="doc_id"
    )
    compared = here.join(known, on="query_id", how="inner", maintain_order="left")
    doc_ids, documents = used.documents_of(
        collection.documents, pl.concat([compared["doc_id"], compared["known"]]).unique()
    )
    scores = pair_scores(
        documents, documents, rows_of(compared.select("known", "doc_id"), doc_ids, doc_ids)
    )
    return (
        compared.with_columns(score=pl.Series(scores))
        .group_by("query_id", "doc_id", maintain_order=True)
        .agg(pl.col("score").max())
    )
