"""Training qrels as labels."""

from __future__ import annotations

import polars as pl

from hone.data import tables, training_set
from hone.data.chunks import of_chunks
from hone.data.own_id import own_pairs

OWN_ID = "the document has the query's own id (own_id: drop)"


def known_labels(collection: training_set.TrainingCollection) -> pl.DataFrame:
    """A collection's training qrels as labels. A label of a parent becomes a label of each of its
    chunks.

    Grades of `min_relevance` or higher are positive, and 0 is negative (labelled). Grades in
    between are unknown, which training ignores. If a collection drops documents with the query's
    own id, that document is the query and is unknown too.
    """
    grade = pl.col("relevance")
    labels = of_chunks(collection.qrels(), collection.documents.parents).with_columns(
        label=pl.when(grade >= collection.min_relevance)
        .then(pl.lit("positive"))
        .when(grade == 0)
        .then(pl.lit("negative"))
        .otherwise(pl.lit("unknown")),
        grade=grade,
        judge=pl.lit("qrels"),
        reason=pl.when((grade > 0) & (grade < collection.min_relevance)).then(
            pl.format("grade {} is below min_relevance {}", grade, collection.min_relevance)
        ),
    )
    labels = tables.shaped("labels", labels)
    return (
        pl.concat([labels, own_documents(collection, labels)])
        if collection.own_id == "drop"
        else labels
    )


def own_documents(
    collection: training_set.TrainingCollection, labels: pl.DataFrame
) -> pl.DataFrame:
    """A label `unknown` for each training query and the document (or chunks of the parent) with its
    id, if unlabelled.

    Queries without a labelled positive get one too: rounds with `train.queries: all` mine for them.
    """
    documents = collection.documents
    queries = pl.concat(
        [collection.queries()["query_id"], collection.unanswered()["query_id"]]
    ).unique(maintain_order=True)
    pairs = own_pairs(queries, pl.concat([documents.ids, documents.parents["parent_id"]]))
    rows = of_chunks(pairs, documents.parents).join(
        labels, on=["query_id", "doc_id"], how="anti", maintain_order="left"
    )
    return tables.shaped(
        "labels",
        rows.with_columns(label=pl.lit("unknown"), judge=pl.lit("own-id"), reason=pl.lit(OWN_ID)),
    )
